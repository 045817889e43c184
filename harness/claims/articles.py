"""The articles, as records: name, date, fingerprint. Their sentences stay outside the repository."""

from functools import cache
from pathlib import Path

from harness import places, reading
from harness.errors import ConfigError
from harness.records import Article


def load_articles() -> dict[str, Article]:
    """Article id → record, from the files of seeds/ that are named by three digits (others hold random seeds).

    Raises ConfigError if a file is not an article record or is named otherwise than its id.
    """
    return dict(_articles(places.seeds()))


@cache
def _articles(folder: Path) -> dict[str, Article]:
    found = {}
    for path in reading.yaml_files(folder):
        if not is_article_id(path.stem):
            continue
        article = reading.read_record(path, Article)
        if article.id != path.stem:
            raise ConfigError(f"{reading.where(path, ('id',))}: the id is {article.id!r}, so the file is misnamed.")
        found[article.id] = article
    return found


def is_article_id(text: str) -> bool:
    """Three digits, ASCII ones."""
    return len(text) == 3 and text.isascii() and text.isdigit()
