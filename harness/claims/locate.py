"""Do the claims stand where we say, in the reader's own copies of the articles?

The repository holds no article sentence, only places: file name, line number, sha256 of the line's text. A copy is
recognised by the article record's file name, else by its sha256 under whatever name it has.
"""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError
from harness.records import Article, Claim, ConsistencyCheck, Place, PrintedPlace

# the kinds of text file a reader may keep an article in
_COPIES = ("*.txt", "*.md")


@dataclass(frozen=True, slots=True)
class LocatorProblem:
    """One place that does not check out.

    `claim` is empty and `line` 0 where the article's file itself is missing or differs. `file` is the name of the
    copy, or the expected name. `what` is one sentence.
    """

    claim: str
    file: str
    line: int
    what: str


@dataclass(frozen=True, slots=True)
class _Copy:
    """A reader's copy: its lines as `str.split("\\n")` gives them (None: there is no readable copy)."""

    name: str
    lines: tuple[str, ...] | None


def verify_locators(
    claims: Iterable[Claim], articles: Mapping[str, Article], folder: Path
) -> tuple[LocatorProblem, ...]:
    """Everything that is wrong with the places of `claims` in the article copies in `folder`; empty if all is well.

    Checked: the copy exists and has the recorded sha256; each line exists and has the recorded sha256; `printed`
    occurs in one of the claim's lines; the same for each place of a consistency check. An article whose copy is
    missing is reported once, not once per claim. Raises ConfigError if `folder` is not a folder.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder: name the one that holds your copies of the articles.")
    claims = tuple(claims)
    problems: list[LocatorProblem] = []
    copies: dict[str, _Copy] = {}
    by_sha: dict[str, Path] = {}
    for wanted in sorted({article for claim in claims for article in _articles_of(claim)}):
        if wanted not in articles:
            problems.append(LocatorProblem("", wanted, 0, f"There is no record of article {wanted!r} in seeds/."))
            continue
        if not by_sha and not (folder / articles[wanted].file).is_file():
            by_sha = _fingerprints(folder)
        copies[wanted], found = _copy(articles[wanted], folder, by_sha)
        problems.extend(found)
    for claim in claims:
        problems.extend(_claim_problems(claim, copies))
    return tuple(problems)


def _fingerprints(folder: Path) -> dict[str, Path]:
    found = {}
    for pattern in _COPIES:
        for path in sorted(folder.glob(pattern)):
            # an unreadable file can be nobody's copy, and does not keep the others from being found
            with contextlib.suppress(OSError):
                found[_sha(path.read_bytes())] = path
    return found


def _articles_of(claim: Claim) -> Iterator[str]:
    if claim.article:
        yield claim.article
    for check in claim.checks:
        if isinstance(check, ConsistencyCheck):
            yield from (place.article for place in check.places)


def _copy(article: Article, folder: Path, by_sha: Mapping[str, Path]) -> tuple[_Copy, list[LocatorProblem]]:
    path = folder / article.file
    if not path.is_file():
        other = by_sha.get(article.sha256)
        if other is None:
            what = (
                f"There is no copy of article {article.id} in {folder}: neither a file of this name nor a .txt or "
                f".md file with sha256 {article.sha256}."
            )
            return _Copy(article.file, None), [LocatorProblem("", article.file, 0, what)]
        path = other
    try:
        data = path.read_bytes()
        lines = tuple(data.decode("utf-8").split("\n"))
    except OSError as error:
        what = f"The file cannot be read ({error.strerror})."
        return _Copy(path.name, None), [LocatorProblem("", path.name, 0, what)]
    except UnicodeDecodeError:
        return _Copy(path.name, None), [LocatorProblem("", path.name, 0, "The file is not UTF-8 text.")]
    problems = []
    if (sha := _sha(data)) != article.sha256:
        what = f"The file differs from the article as recorded: sha256 {sha}, expected {article.sha256}."
        problems.append(LocatorProblem("", path.name, 0, what))
    elif len(lines) != article.lines:
        what = f"The article's record says {article.lines} lines, but there are {len(lines)}."
        problems.append(LocatorProblem("", path.name, 0, what))
    return _Copy(path.name, lines), problems


def _claim_problems(claim: Claim, copies: Mapping[str, _Copy]) -> Iterator[LocatorProblem]:
    copy = copies.get(claim.article) if claim.article else None
    if copy is not None and copy.lines is not None:
        for place in claim.where:
            yield from _line_problems(claim.id, copy, place)
        texts = [text for place in claim.where if (text := _text(copy, place.line)) is not None]
        if claim.printed and not any(claim.printed in text for text in texts):
            what = f"The printed {claim.printed!r} stands in none of the claim's lines."
            yield LocatorProblem(claim.id, copy.name, claim.where[0].line, what)
    for check in claim.checks:
        if isinstance(check, ConsistencyCheck):
            for side in check.places:
                yield from _printed_problems(claim.id, copies.get(side.article), side)


def _printed_problems(claim: str, copy: _Copy | None, place: PrintedPlace) -> Iterator[LocatorProblem]:
    if copy is None or copy.lines is None:
        return
    yield from _line_problems(claim, copy, place)
    text = _text(copy, place.line)
    if text is not None and place.printed not in text:
        yield LocatorProblem(claim, copy.name, place.line, f"The printed {place.printed!r} does not stand here.")


def _line_problems(claim: str, copy: _Copy, place: Place | PrintedPlace) -> Iterator[LocatorProblem]:
    text = _text(copy, place.line)
    if text is None:
        what = f"The file has only {len(copy.lines or ())} lines."
        yield LocatorProblem(claim, copy.name, place.line, what)
    elif (sha := _sha(text.encode("utf-8"))) != place.sha256:
        what = f"The line's text differs from the one recorded: sha256 {sha}, expected {place.sha256}."
        yield LocatorProblem(claim, copy.name, place.line, what)


def _text(copy: _Copy, line: int) -> str | None:
    lines = copy.lines or ()
    return lines[line - 1] if line <= len(lines) else None


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
