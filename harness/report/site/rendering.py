"""Templates to HTML: escaped everywhere, one compiled environment, the same words and paths for every page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.records import Article
from harness.report.escaping import clean
from harness.report.lexicon import Lexicon

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

FOLDER = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
"""What a page may load: files of its own folder. In Chromium and Firefox 'self' holds for file: pages as well."""
LONGEST = 20_000
"""Characters of one text of others on a page; longer ones end in an ellipsis."""
_ADDRESS = re.compile(r"https?://[^\s<>\"'()\[\],;]+")
_COMMA = re.compile(r"(?<=\d),(?=\d)")
_PHRASE = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")
_NAME = re.compile(r"[A-Za-z0-9.]{1,20}(?:-[A-Za-z0-9.]{1,20})+")
# longer names have to break on a phone
_WHOLE = 22
_LINK = '<a href="{}" rel="noopener noreferrer external">{}</a>'


def render(template: str, words: Lexicon, path: str, values: Mapping[str, object]) -> str:
    """The page that lies at `path` (relative to the site, forward slashes), in this language.

    Templates see `values`, `words`, `t` (`words.text` with the part `site` before its key), `root` (the way from the
    page to the site's folder: "" or "../"), `assets`, `policy`, `said`, `told`, `linked`, `unbroken`, `parted`,
    `titled` and `quoted`; a name they do not know is an error. Whatever is no Markup is stripped of control and format
    characters, and escaped.
    """

    def text(key: str, **places: object) -> str:
        return words.text(f"site.{key}", **places)

    root = "../" * path.count("/")
    common: dict[str, object] = {"words": words, "t": text, "root": root, "assets": f"{root}assets", "policy": POLICY}
    own: dict[str, object] = {
        "said": lambda sentence: said(sentence, words),
        "told": lambda shown: told(shown, words),
        "linked": linked,
        "unbroken": unbroken,
        "parted": parted,
        "titled": lambda article: titled(article, words),
        "quoted": quoted,
    }
    return _environment().get_template(template).render({**common, **own, **values})


def said(sentence: str, words: Lexicon) -> Markup:
    """A sentence that a verdict or a file brought, in the page's language, or marked as English."""
    from markupsafe import escape

    shown = escape(clean(words.prose(sentence), LONGEST))
    return shown if words.knows(sentence) else _english(shown)


def told(text: str, words: Lexicon) -> Markup:
    """A text of a table, already in the page's words where there are any; an English phrase left over is marked."""
    from markupsafe import escape

    shown = escape(clean(text, LONGEST))
    if len(shown) > 12:
        # long numbers break after a comma, and not between any two digits
        shown = type(shown)(_COMMA.sub(",<wbr>", shown))
    return _english(shown) if words.language != "en" and _PHRASE.search(text) and text.isascii() else shown


def unbroken(text: str) -> Markup:
    """A heading in which no line ends inside a name such as QwQ-32B."""
    from markupsafe import Markup, escape

    shown, parts, end = clean(text, LONGEST), [], 0
    for found in _NAME.finditer(shown):
        if len(found.group()) <= _WHOLE:
            parts += [escape(shown[end : found.start()]), Markup('<span class="whole">{}</span>').format(found.group())]
            end = found.end()
    return Markup("").join([*parts, escape(shown[end:])])


def parted(name: str) -> Markup:
    """A long name such as `qwen2.5-omni-7b/librispeech-test-clean`, which breaks behind its slash first."""
    from markupsafe import Markup, escape

    return Markup("/<wbr>").join(escape(part) for part in clean(name, LONGEST).split("/"))


def titled(article: Article, words: Lexicon) -> Markup:
    """The article's short name in the page's language, or marked as English."""
    if words.language == "ja" and article.title_ja:
        return unbroken(article.title_ja)
    shown = unbroken(article.title)
    return shown if words.language == "en" else _english(shown)


def quoted(text: str) -> str:
    """The text, as a page shows it, inside an address."""
    return quote(clean(text, LONGEST), safe="")


def _english(shown: Markup) -> Markup:
    return type(shown)('<span lang="en">') + shown + type(shown)("</span>")


def linked(source: str) -> Markup:
    """A source with its web addresses as links, each of which opens apart and learns nothing about this page."""
    from markupsafe import Markup, escape

    text, parts, end = clean(source, LONGEST), [], 0
    for found in _ADDRESS.finditer(text):
        address = found.group().rstrip(".:")
        parts += [escape(text[end : found.start()]), Markup(_LINK).format(address, _shortened(address))]
        end = found.start() + len(address)
    return Markup("").join([*parts, escape(text[end:])])


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_inert,
    )


def _shortened(address: str) -> str:
    """The address as people write it."""
    return address.partition("://")[2].removeprefix("www.").rstrip("/")


def _inert(value: object) -> object:
    """Text without characters that hide or reorder others; Markup is ours already. Spaces at its ends stay: they part
    our own words from what follows."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    if value.isascii() and value.isprintable() and len(value) <= LONGEST:
        return value
    return f"{' ' * value[:1].isspace()}{clean(value, LONGEST)}{' ' * value[-1:].isspace()}"
