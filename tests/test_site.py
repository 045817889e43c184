"""The static site without a browser: well-formed, linked, sealed, inert, and with the numbers of the tables."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from told_site import hostile_story, ledger, many, measured_story, publication, small, untold_story

from harness.claims import load_articles
from harness.gathering import Publication
from harness.records import EVIDENCE_ORDER
from harness.report.lexicon import LANGUAGES, Language, lexicon
from harness.report.rows import rows, tally
from harness.report.site import marks, rendering
from harness.report.site.front import front
from harness.report.site.page import Page
from harness.report.site.pages import pages
from harness.report.site.rendering import POLICY, linked, parted, titled, told, unbroken
from harness.report.site.run_page import run_page

EN, JA = lexicon("en"), lexicon("ja")

VOID = {"wbr", "col", "meta", "link", "br", "hr", "img", "input", "rect", "path", "circle", "line", "source"}
ADDRESSES = ("href", "src", "action", "formaction", "poster", "data", "xlink:href", "srcset")


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parent: "Element | None"
    texts: list[str] = field(default_factory=list)
    inside: list["Element"] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts) + "".join(child.text for child in self.inside)

    def within(self, tag: str) -> bool:
        return self.parent is not None and (self.parent.tag == tag or self.parent.within(tag))


class Document(HTMLParser):
    """A page's elements. Fails on tags that are not closed, closed twice, or crossed: stricter than a browser."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = Element("", {}, None)
        self.elements: list[Element] = []
        self._open = self.root
        self.feed(text)
        self.close()
        assert self._open is self.root, f"<{self._open.tag}> is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"<{tag}> has an attribute twice: {attrs}"
        element = Element(tag, {name: value or "" for name, value in attrs}, self._open)
        self._open.inside.append(element)
        self.elements.append(element)
        if tag not in VOID:
            self._open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self._open.tag == tag, f"</{tag}> closes <{self._open.tag}>"
        assert self._open.parent is not None
        self._open = self._open.parent

    def handle_data(self, data: str) -> None:
        self._open.texts.append(data)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        return [
            e for e in self.elements if e.tag == tag and all(e.attributes.get(k) == v for k, v in attributes.items())
        ]


def site(of: Publication, language: Language = "en") -> dict[str, str]:
    made = pages(of, lexicon(language), [("CSV", "table.csv")])
    return {page.path: page.content if isinstance(page.content, str) else page.content.decode() for page in made}


@cache
def everything(language: Language) -> dict[str, Document]:
    """The pages of the ledger and of the stories made by hand."""
    whole = replace(small(), stories=(*ledger().stories, *small().stories))
    return {path: Document(text) for path, text in site(whole, language).items() if path.endswith(".html")}


BOTH = pytest.mark.parametrize("language", LANGUAGES)


@BOTH
def test_every_page_is_well_formed_and_speaks_its_language(language: Language) -> None:
    documents = everything(language)
    assert len(documents) > 130
    for path, page in documents.items():
        assert [e.attributes["lang"] for e in page.all("html")] == [language], path
        assert page.all("title")[0].text.strip()
        assert len(page.all("h1")) == 1, path
        ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
        assert len(ids) == len(set(ids)), f"{path}: an id stands twice"


@BOTH
def test_every_link_inside_leads_somewhere(language: Language) -> None:
    documents = everything(language)
    assets = {page.path for page in pages(publication(), lexicon(language))}
    beside = {"table.csv", *(f"runs/{run.run.name}/index.html" for run in small().runs)}
    known = {*documents, *assets, *beside}
    for path, page in documents.items():
        for element in page.elements:
            for name in ("href", "src"):
                parts = urlsplit(element.attributes.get(name, ""))
                if parts.scheme or not (parts.path or parts.fragment):
                    continue
                goal = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path)))
                assert not parts.path or goal in known, f"{path}: {parts.path} leads nowhere"
                if parts.fragment and "=" not in parts.fragment:
                    there = documents[goal if parts.path else path]
                    assert any(e.attributes.get("id") == parts.fragment for e in there.elements), (path, parts.fragment)


@BOTH
def test_every_page_is_sealed(language: Language) -> None:
    for path, page in everything(language).items():
        assert [m.attributes["content"] for m in page.all("meta", **{"http-equiv": "Content-Security-Policy"})] == [
            POLICY
        ], path
        first = [e.tag for e in page.elements if e.within("head")][:2]
        assert first == ["meta", "meta"], "the policy must stand before anything is loaded"
        for element in page.elements:
            assert "style" not in element.attributes, path
            assert not [name for name in element.attributes if name.startswith("on")], path
            assert element.tag not in ("style", "iframe", "object", "embed", "base", "form-action"), path
            if element.tag == "script":
                assert element.attributes.get("src") or element.attributes.get("type") == "application/json", path
                assert not element.text.strip() or element.attributes.get("type") == "application/json", path
            for name in ADDRESSES:
                value = element.attributes.get(name, "")
                outside = urlsplit(value).scheme or value.startswith("//")
                if outside and value != "data:,":
                    assert element.tag == "a" and name == "href", f"{path}: <{element.tag} {name}={value}>"
                    assert urlsplit(value).scheme in ("http", "https"), f"{path}: {value}"
                    assert "noopener" in element.attributes["rel"] and "noreferrer" in element.attributes["rel"]


@BOTH
def test_headings_go_down_one_step_at_a_time(language: Language) -> None:
    for path, page in everything(language).items():
        before = 0
        for level in (int(e.tag[1]) for e in page.elements if re.fullmatch(r"h[1-6]", e.tag)):
            assert level <= before + 1, f"{path}: h{level} after h{before}"
            before = level


@BOTH
def test_what_is_to_be_read_aloud_has_a_name(language: Language) -> None:
    for path, page in everything(language).items():
        for table in page.all("table"):
            assert any(e.tag == "caption" and e.text.strip() for e in table.inside), path
        for element in page.elements:
            labelled = element.attributes.get("aria-labelledby")
            assert labelled is None or any(e.attributes.get("id") == labelled for e in page.elements), (path, labelled)
            if element.tag == "a":
                assert element.text.strip() or element.attributes.get("title"), path
            if element.tag in ("input", "select"):
                assert element.within("label"), path
            if element.tag == "th":
                assert element.attributes.get("scope") in ("row", "col"), path
            if element.tag == "svg":
                assert element.attributes.get("role") == "img" or element.attributes.get("aria-hidden") == "true", path


@BOTH
def test_hostile_texts_stay_texts(language: Language) -> None:
    tame = site(publication(measured_story(), untold_story()), language)
    for path, text in site(publication(measured_story(), hostile_story(), untold_story()), language).items():
        if not path.endswith(".html"):
            continue
        page = Document(text)
        assert not [e for e in page.elements if e.tag in ("img", "b&gt;") or "onload" in e.attributes], path
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text), path
        scripts = [e.attributes["src"] for e in page.all("script")]
        if path in tame:
            assert scripts == [e.attributes["src"] for e in Document(tame[path]).all("script")], path
        assert not [a for a in page.all("a") if "window" in urlsplit(a.attributes["href"]).query]
    claim = site(publication(hostile_story()), language)["claims/C902.html"]
    assert claim.count("&lt;script&gt;window.hurt=1&lt;/script&gt;") > 5, "the text itself must still be shown"
    assert "{{ 7*7 }}" in claim, "a template in a text is a text"


@BOTH
def test_the_front_page_counts_what_the_tables_count(language: Language) -> None:
    whole = replace(small(), stories=(*ledger().stories, *small().stories))
    page, words = everything(language)["index.html"], lexicon(language)
    expected = {(o, e): n for o, e, n in tally(rows(whole.verdicts, whole.claims)).counts}
    by_words = {(words.outcome(o), words.evidence(e)): n for (o, e), n in expected.items()}
    body = next(t for t in page.all("table", **{"class": "claims"}))
    lines = [e for e in page.all("tr") if e.within("tbody") and e.parent and e.parent.parent is body]
    cells = [[c.text.strip() for c in line.inside] for line in lines]
    assert Counter((c[6], c[7]) for c in cells) == by_words
    matrix = next(t for t in page.all("table", **{"class": "plain numbers"}))
    heads = [
        e.text.strip() for e in page.all("th") if e.parent and e.parent.parent and e.parent.parent.parent is matrix
    ]
    shown = {}
    for line in (e for e in page.all("tr") if e.parent and e.parent.tag == "tbody" and e.parent.parent is matrix):
        outcome, *counts = (c.text.strip() for c in line.inside)
        shown.update({(outcome, e): int(n) for e, n in zip(heads[1:-1], counts[:-1], strict=False) if n})
        assert int(counts[-1]) == sum(int(n) for n in counts[:-1] if n)
    assert shown == by_words
    names = [e.attributes["title"] for e in page.elements if e.tag == "a" and "title" in e.attributes]
    assert len(names) == len(whole.stories)
    for (outcome, evidence), count in by_words.items():
        last = "" if evidence == words.evidence("none") else words.text("site.joined") + evidence
        assert sum(n.partition(words.text("site.colon"))[2] == outcome + last for n in names) >= count
    by_model = Counter(story.whole.model for story in whole.stories)
    bars = next(t for t in page.all("table", **{"class": "plain bars"}))
    lines = [e for e in page.all("tr") if e.within("tbody") and e.parent and e.parent.parent is bars]
    assert sum(int(line.inside[1].text) for line in lines) == len(whole.stories) == sum(by_model.values())


@BOTH
def test_the_table_prints_the_numbers_of_the_other_tables(language: Language) -> None:
    whole, words = ledger(), lexicon(language)
    page = everything(language)["index.html"]
    body = page.all("table", **{"class": "claims"})[0]
    shown = {}
    for line in (e for e in page.all("tr") if e.within("tbody") and e.parent and e.parent.parent is body):
        name = line.inside[0].inside[0].text
        shown[name] = (line.inside[4].text.split(), line.inside[5].text.split())
    for row in rows(whole.verdicts, whole.claims, words):
        if row.level == "claim":
            measured = f"{row.measured} {row.interval}".split()
            claimed, own = shown[row.claim][0], row.claimed_from in ("article", "")
            told_whose = words.text("table.whose", whose=row.whose).split() if row.claimed and not own else []
            assert (claimed, shown[row.claim][1]) == (row.claimed.split() + told_whose, measured), row.claim


def test_a_rivals_figure_is_not_shown_as_the_articles() -> None:
    page = everything("en")["index.html"]
    body = page.all("table", **{"class": "claims"})[0]
    lines = (e for e in page.all("tr") if e.within("tbody") and e.parent and e.parent.parent is body)
    line = next(e for e in lines if e.inside[0].inside[0].text == "C006")
    assert line.inside[4].text == "75.9 (deepseek-v3/mmlu-pro)"


def test_claims_of_no_article_are_not_counted_as_an_articles() -> None:
    made = front(ledger(), EN)
    assert made.from_articles == sum(bool(s.claim.article) for s in ledger().stories) < made.claims
    (tally_line,) = Document(site(ledger())["index.html"]).all("p", **{"class": "tally"})
    assert tally_line.texts == [f", {made.from_articles} of them in {made.articles} articles"]


def test_a_run_that_ended_early_says_so_wherever_its_score_stands() -> None:
    (run,) = small().runs
    assert run.run.estimate is not None
    held = replace(run.run.estimate, low=0.7, high=0.87, level=0.9917, method="anytime")
    early = replace(run, early=held)
    whole = replace(small(), runs=(early,))
    (line,) = front(whole, EN).runs
    assert (line.score, line.interval, line.early) == ("78", "70–87 (99.17 %)", True)
    assert "holds at any look" in site(whole)["index.html"] and "holds at any look" not in site(small())["index.html"]
    for words, level in ((EN, "99.17 % interval that holds at any look"), (JA, "どの時点でも成り立つ区間")):
        shown = run_page(early, (1, 3), words)
        assert level in shown and "70–87" in shown and "74.9" not in shown
        assert level not in run_page(run, (1, 3), words)


def test_a_bound_is_no_value() -> None:
    page = everything("en")["claims/C016.html"]
    assert "at least 1,000,000,000,000 printed by the article: 1兆超" in " ".join(page.root.text.split())


def test_an_article_has_its_name_in_the_language_of_the_page() -> None:
    article = next(s.article for s in ledger().stories if s.article and s.article.id == "003")
    name = '<span class="whole">QwQ-32B</span>'
    assert titled(article, JA) == f"{name}と中国のAIブーム"
    assert titled(article, EN) == f"{name} and China&#39;s AI boom"
    unnamed = article.model_copy(update={"title_ja": None})
    assert titled(unnamed, JA) == f'<span lang="en">{titled(article, EN)}</span>'
    assert all(article.title_ja for article in load_articles().values())


def test_what_is_reckoned_here_says_so_beneath_its_picture() -> None:
    (first, *_) = everything("en")["claims/C083.html"].all("figcaption")
    assert "printed by no source" in first.text and "279 are taken" in first.text
    assert not everything("en")["claims/C079.html"].all("figcaption")


def test_a_claims_page_tells_everything() -> None:
    text = Document(site(small())["claims/C901.html"]).root.text
    for part in (
        "QwQ-32B equals DeepSeek-R1.", "QwQ-32B equals DeepSeek-R1.(日本語)", "79.8", "inconclusive", "measured",
        "The interval does not decide.", "78.4–80.6", "70.0–90.0", "± 3.0 points", "1,234 more generations", "nf4",
        "found despite quantization", "nf4 instead of bf16", "can only lower the score", "example.org/card",
        "T=0.6", "64 generations per question", "qwq-32b/aime24@someone", "recorded by others", "77.0–81.0",
        "as the maker measures it", "qwq-official", "harness run C901", "one 80 GB GPU", "1,500", "64 complete rounds",
        "A note on the check.", "line 9", HASH_START, "the maker and a second source", "0.1.0", "abc1234",
    ):  # fmt: skip
        assert part in text, part
    page = Document(site(small())["claims/C901.html"])
    assert [a.attributes["href"] for a in page.all("a") if "runs/" in a.attributes["href"]] == [
        f"../runs/{small().runs[0].run.name}/index.html"
    ]
    assert len([e for e in page.all("svg") if e.attributes.get("role") == "img"]) == 2
    rounds = [e.text for e in page.all("th", scope="row") if e.text in ("1", "8", "32", "64")]
    assert rounds == ["1", "8", "32", "64"]


HASH_START = "0" * 64


def test_claims_of_an_article_stand_in_the_order_of_their_lines() -> None:
    page = everything("en")["articles/003.html"]
    at = [e.text for e in page.all("span", **{"class": "at"})]
    assert len(at) > 15
    assert [int(t.split(",")[0]) for t in at] == sorted(int(t.split(",")[0]) for t in at)


def test_neighbours_are_those_of_the_table() -> None:
    page = everything("en")["index.html"]
    body = page.all("table", **{"class": "claims"})[0]
    names = [
        e.inside[0].inside[0].text for e in page.all("tr") if e.within("tbody") and e.parent and e.parent.parent is body
    ]
    for before, name in pairwise(names):
        neighbour = everything("en")[f"claims/{name}.html"].all("a", rel="prev")[0]
        assert neighbour.attributes["href"] == f"{before}.html"


def test_japanese_pages_mark_what_is_left_in_english() -> None:
    page = everything("ja")["claims/C082.html"]
    for element in page.all("p"):
        own = "".join(element.texts).strip()
        if re.fullmatch(r"[\x20-\x7e]{30,}", own):
            assert element.attributes.get("lang") == "en", own
    assert everything("ja")["claims/C082.html"].all("p", lang="en")


def test_pages_are_the_same_bytes_twice() -> None:
    assert site(small()) == site(small())


def test_a_page_of_two_thousand_claims_is_light() -> None:
    made = {page.path: page for page in _first(pages(many(2000), lexicon("en")), "index.html")}
    loaded = [made["index.html"], *(p for name, p in made.items() if name.startswith("assets/"))]
    assert sum(len(_bytes(page)) for page in loaded) < 1_000_000


def test_both_languages_have_the_same_texts_with_the_same_places() -> None:
    each = {language: _texts(language) for language in LANGUAGES}
    assert each["en"].keys() == each["ja"].keys()
    for key, text in each["en"].items():
        places = {n for n in ("{count}", "{shown}", "{id}", "{word}", "{line}", "{value}") if n in text}
        assert all(place in each["ja"][key] for place in places), key


def test_no_text_is_kept_that_no_page_says() -> None:
    folder = rendering.FOLDER
    files = [*folder.glob("templates/*.html"), *folder.glob("*.py")]
    source = "\n".join(path.read_text(encoding="utf-8") for path in files)
    families = set(re.findall(r"site\.(\w+_){|t\(\"(\w+_)\" \+|text\(f\"(\w+_)", source))
    beginnings = tuple({name for family in families for name in family if name})
    said_ = ("check_", "claimed_", "fact_", *beginnings)
    unused = [k for k in _texts("en") if not k.startswith(said_) and not re.search(rf"[\".]{k}\"", source)]
    assert unused == []


@settings(max_examples=200)
@given(st.text(max_size=80))
def test_addresses_become_links_and_nothing_else_does(text: str) -> None:
    for shown in (linked(text), linked(f"https://example.org/{text}"), told(text, JA), unbroken(text), parted(text)):
        page = Document(str(shown))
        assert {e.tag for e in page.elements} <= {"a", "span", "wbr"}
        for link in page.all("a"):
            assert link.attributes["href"].startswith(("https://", "http://"))
            assert set(link.attributes) == {"href", "rel"}


def test_every_verdict_has_a_letter_and_every_letter_a_glyph() -> None:
    style = (rendering.FOLDER / "assets" / "site.css").read_text(encoding="utf-8")
    assert len(set(marks.CODES.values())) == len(marks.CODES)
    glyphs = {}
    for code in marks.CODES.values():
        found = re.search(rf"^\.{code} {{[^}}]*--g: \"(.)\"", style, re.MULTILINE)
        assert found, f"no glyph for .{code}"
        glyphs[code] = found[1]
    assert len(set(glyphs.values())) == len(glyphs), "two verdicts with the same glyph differ by colour alone"
    assert len(EVIDENCE_ORDER) == 5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_are_told_apart_from_their_ground(theme: str) -> None:
    style = (rendering.FOLDER / "assets" / "site.css").read_text(encoding="utf-8")
    block = (
        style.split(':root[data-theme="dark"]')[0] if theme == "light" else style.split(':root[data-theme="dark"]')[1]
    )
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block.split("}")[0]))
    for ink in ("ink", "quiet", "accent", "good", "bad", "over", "open", "none"):
        for ground in ("paper", "tint", *([f"{ink}-tint"] if f"{ink}-tint" in colours else [])):
            assert _contrast(colours[ink], colours[ground]) >= 4.5, (theme, ink, ground)
    for mark in ("good", "bad", "over", "open", "none"):
        assert _contrast(colours["on-mark"], colours[mark]) >= 4.5, (theme, mark)


def test_both_dark_themes_are_the_same() -> None:
    style = (rendering.FOLDER / "assets" / "site.css").read_text(encoding="utf-8")
    chosen = style.split(':root[data-theme="dark"] {')[1].split("}")[0].split()
    asked = style.split(':root:not([data-theme="light"]) {')[1].split("}")[0].split()
    assert chosen == asked


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance and contrast ratio."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _first(made: Iterator[Page], last: str) -> Iterator[Page]:
    for page in made:
        yield page
        if page.path == last:
            return


def _bytes(page: Page) -> bytes:
    return page.content.encode() if isinstance(page.content, str) else page.content


def _texts(language: Language) -> dict[str, str]:
    from harness.reading import read_yaml

    folder = rendering.FOLDER.parent / "texts"
    return dict(read_yaml(folder / language / "site.yaml"))
