"""The forms a report can be written in: each makes files of a publication."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, cast

from harness.errors import UnknownName
from harness.gathering import Publication, SampleStory
from harness.records import Verdict
from harness.report.lexicon import Language, Lexicon, lexicon
from harness.report.rows import Row, conclusions, rows
from harness.report.site.page import Attached, Page, Streamed, made_with

File = Page | Attached | Streamed


@dataclass(frozen=True, slots=True)
class Look:
    """How a report is to look. `brief`: one row per claim; `samples`: whether runs' questions and outputs are told."""

    language: Language = "en"
    columns: str = "full"
    brief: bool = False
    samples: bool = True

    @property
    def words(self) -> Lexicon:
        return lexicon(self.language)


@dataclass(frozen=True)
class Told:
    """A publication, how it is to look, and where the samples of its runs come from."""

    publication: Publication
    look: Look
    samples: Callable[[str], Iterable[SampleStory]]
    left_out: Callable[[str], None] = lambda _: None
    others: tuple[str, ...] = ()

    @property
    def whole(self) -> tuple[Verdict, ...]:
        """The verdicts on claims as a whole."""
        return tuple(v for v in self.publication.verdicts if v.check < 0)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        found = rows(self.publication.verdicts, self.publication.claims, self.look.words)
        return conclusions(found) if self.look.brief else found

    @property
    def headings(self) -> dict[str, str]:
        """Article id → its title."""
        return {number: article.title for number, article in self.publication.articles.items()}


def _markdown(told: Told) -> Iterator[File]:
    from harness.report.markdown import verdict_document

    text = verdict_document(told.rows, told.headings, columns=told.look.columns, words=told.look.words)
    yield Page("table.md", text)


def _tex(told: Told) -> Iterator[File]:
    from harness.report.latex import comparison_tex

    yield Page("table.tex", comparison_tex(told.rows, told.headings, columns=told.look.columns, words=told.look.words))


def _csv(told: Told) -> Iterator[File]:
    from harness.report.csv_file import comparison_csv

    yield Page("table.csv", comparison_csv(told.rows))


def _parquet(told: Told) -> Iterator[File]:
    from harness.report.parquet import comparison_parquet

    yield Page("table.parquet", comparison_parquet(told.rows))


def _json(told: Told) -> Iterator[File]:
    from harness.report.as_json import document, dumps

    found = told.whole if told.look.brief else told.publication.verdicts
    yield Page("verdicts.json", dumps(document("report", found)) + "\n")


def _junit(told: Told) -> Iterator[File]:
    from harness.report.junit import claims_junit

    whole = rows(told.whole, told.publication.claims, told.look.words)
    yield Page("claims.xml", claims_junit(whole, told.headings, told.look.words))


def _html(told: Told) -> Iterator[File]:
    from harness.report.site.pages import pages
    from harness.report.site.samples import run_pages

    words = told.look.words
    downloads = [(path, path) for path in told.others if "/" not in path]
    yield from pages(told.publication, words, downloads, told.rows)
    for run in told.publication.runs:
        shown = run if told.look.samples else replace(run, withheld=run.withheld or words.text("samples.left_out"))
        yield from run_pages(shown, told.samples(run.run.name), words, made_with(told.publication))


def _figures(form: Literal["svg", "pdf"]) -> Callable[[Told], Iterator[File]]:
    def made(told: Told) -> Iterator[File]:
        from harness.report.figures import figures

        for name, content in figures(told.publication, form, told.look.words):
            yield Page(f"figures/{name}.{form}", content)

    return made


def _exports(kind: Literal["lm-eval", "hf", "eee"]) -> Callable[[Told], Iterator[File]]:
    def made(told: Told) -> Iterator[File]:
        from harness.report.exports import exports

        yield from exports(kind, told.publication, told.samples, left_out=told.left_out)

    return made


@dataclass(frozen=True, slots=True)
class Form:
    """`make` gives the files; `one`: the name of the only file there is, None where there are several."""

    make: Callable[[Told], Iterator[File]]
    one: str | None


FORMS: Mapping[str, Form] = {
    "html": Form(_html, None),
    "md": Form(_markdown, "table.md"),
    "tex": Form(_tex, "table.tex"),
    "csv": Form(_csv, "table.csv"),
    "json": Form(_json, "verdicts.json"),
    "parquet": Form(_parquet, "table.parquet"),
    "junit": Form(_junit, "claims.xml"),
    "svg": Form(_figures("svg"), None),
    "pdf": Form(_figures("pdf"), None),
    "lm-eval": Form(_exports("lm-eval"), None),
    "hf": Form(_exports("hf"), None),
    "eee": Form(_exports("eee"), None),
}


def forms_of(text: str) -> tuple[str, ...]:
    """The forms named in `md,tex`, each once, in the order of FORMS. Raises UnknownName (nearest names)."""
    named = {word.strip() for word in text.split(",") if word.strip()}
    for word in named:
        if word not in FORMS:
            raise UnknownName.of("format", word, FORMS)
    return tuple(name for name in FORMS if name in named)


def files(told: Told, names: Iterable[str]) -> Iterator[File]:
    """The files of all these forms, made as they are taken; the page links to the others."""
    names = tuple(names)
    others = tuple(cast(str, FORMS[name].one) for name in names if FORMS[name].one)
    told = replace(told, others=others)
    for name in names:
        yield from FORMS[name].make(told)
