"""Cells for rich tables: untrusted text becomes `Text`, which is never parsed as markup."""

from collections.abc import Callable
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from harness.report import words
from harness.report.escaping import clean

_STYLES = {
    "reproduced": "green",
    "supported": "green",
    "lower": "red",
    "contradicted": "red",
    "higher": "magenta",
    "inconclusive": "yellow",
}


@dataclass(frozen=True, slots=True)
class Fitted:
    """Built when it is printed, for the width it is printed at."""

    build: Callable[[int], RenderableType]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.build(options.max_width)


def frame(width: int, *columns: tuple[str, int | None, int | None]) -> Table:
    """An empty table of exactly `width` columns; of each column its title, fixed width or share of the rest."""
    table = Table(box=box.HORIZONTALS, width=width, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for title, fixed, ratio in columns:
        table.add_column(title, width=fixed, ratio=ratio, overflow="fold")
    return table


def cell(*lines: str, style: str = "", under: str = "dim") -> Text:
    """One line per non-empty text: the first in `style`, the ones beneath it in `under`."""
    shown = [c for c in (clean(line) for line in lines) if c]
    text = Text(overflow="fold")
    for position, line in enumerate(shown):
        text.append("\n" if position else "").append(line, under if position else style)
    return text


def outcome(word: str, spoken: str = "") -> Text:
    """The verdict in its colour; the word alone (`spoken`, where it is another language's) says it too."""
    return Text(clean(spoken or words.spoken(word)), _STYLES.get(word, "dim"))


def dash(text: str) -> str:
    """Where a column's emptiness must not look like an oversight."""
    return text or words.NOTHING


def prose(text: str, style: str = "") -> Text:
    """A sentence, which breaks between words."""
    return Text(clean(text, 2000), style)


def command(text: str) -> Text:
    """Something to type: never broken by us, so that it can be copied."""
    return Text(clean(text, 2000), "bold", no_wrap=True, overflow="ignore")
