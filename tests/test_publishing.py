"""A report in its folder: whole or not at all, the same whenever it is made, and checked against its own records."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness import claims, cli, plan, publishing
from harness.errors import HarnessError, StoreError, UnknownName
from harness.publishing import Asked, Look, Report, check, publish, remake, text_of
from harness.publishing.checking import _compared as compared
from harness.publishing.manifest import NAME, Manifest, digest, read_manifest
from harness.publishing.writing import content_of, write
from harness.records import Generation, Registration, RunSpec, Score
from harness.records.questions import Question
from harness.report.site.page import Page, Streamed
from harness.store import RunStore
from tests.stored_runs import BASE
from tests.test_gathering import SESSION

CHECKOUT = Path(__file__).resolve().parents[1]
TEXTS = ("md", "csv", "json")
HOSTILE = "<script>alert(1)</script> \u202e \x01 " + "x" * 300


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def run() -> str:
    """A stored run of two questions and two rounds that bears on S02: three answers right, one wrong."""
    spec = RunSpec(**{**BASE, "model": "tiny-qwen2-trained", "task": "smoke-sums", "questions": 2, "repeats": 2})
    with RunStore.create_or_resume(spec) as store:
        store.add_questions(0, ["a", "b"])
        store.register([Registration("S02", 0, "equals", 0.9, "claim file", 0.05)])
        for repeat in range(2):
            for sample in ("a", "b"):
                store.add(Generation(sample, repeat, HOSTILE, "stop", output_tokens=5))
                right = (sample, repeat) != ("b", 1)
                mark = Score(sample, repeat, "boxed_integer", "correct" if right else "incorrect", float(right), "4")
                store.add_scores([mark], "1")
        store.set_judge("boxed_integer", "1")
        return store.name


def report_of(*names: str, look: Look | None = None, recorded: bool = False) -> Report:
    asked = Asked.of(names, recorded=recorded)
    return Report(asked, asked.gathered(), look or Look())


def tampered(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_is_written_is_what_the_records_give(tmp_path: Path) -> None:
    written = publish(report_of("C082", "C083", recorded=True), tmp_path / "out", TEXTS)
    assert {p.name for p in written.folder.iterdir()} == {"table.md", "table.csv", "verdicts.json", NAME}
    assert written.files == 4
    assert check(tmp_path / "out") == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "where"),
    [
        ("table.md", "79.5", "79.6", "line"),
        ("table.csv", "79.5", "79.6", "line"),
        ("verdicts.json", '"measured": "79.5"', '"measured": "79.6"', "C082 check 0.measured"),
    ],
)
def test_a_changed_digit_is_found_and_named(tmp_path: Path, file: str, old: str, new: str, where: str) -> None:
    publish(report_of("C082", recorded=True), tmp_path / "out", TEXTS)
    tampered(tmp_path / "out" / file, old, new)
    (found,) = [d for d in check(tmp_path / "out") if where in d.where]
    assert found.file == file
    assert "79.6" in found.written and "79.5" in found.again
    assert found.sentence().startswith(f"{file}, ")


def test_a_missing_and_a_foreign_file_are_found(tmp_path: Path) -> None:
    publish(report_of("C082", recorded=True), tmp_path / "out", TEXTS)
    (tmp_path / "out" / "table.csv").unlink()
    manifest = json.loads((tmp_path / "out" / NAME).read_text())
    manifest["files"]["other.txt"] = "0" * 64
    manifest["files"]["verdicts.json"] = "0" * 64
    (tmp_path / "out" / NAME).write_text(json.dumps(manifest))
    assert [(d.file, d.written) for d in check(tmp_path / "out")][:2] == [
        ("table.csv", "nothing"),
        ("other.txt", "a file"),
    ]
    (other,) = check(tmp_path / "out")[2:]
    assert other.file == "verdicts.json" and "sha256" in other.sentence()


def test_a_run_travels_with_its_report(tmp_path: Path, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check needs nothing of the machine that made it, and finds a score that was changed in the record."""
    publish(report_of("S02"), tmp_path / "out", (*TEXTS, "html", "lm-eval", "eee"), keep=True)
    monkeypatch.setenv("HARNESS_RUNS", str(tmp_path / "nowhere"))
    assert read_manifest(tmp_path / "out").rests_on == (run,)
    assert set(read_manifest(tmp_path / "out").records) == {f"records/{run}/run.sqlite", f"records/{run}/spec.json"}
    assert check(tmp_path / "out") == ()
    assert os.environ["HARNESS_RUNS"] == str(tmp_path / "nowhere")
    monkeypatch.setenv("HARNESS_RUNS", str(tmp_path / "out" / "records"))
    with RunStore.open(run, write=True) as store:
        store.add_scores([Score("a", 0, "boxed_integer", "incorrect", 0.0, "5")], "1")
    (changed,) = check(tmp_path / "out")
    assert changed.file == f"records/{run}/run.sqlite"
    manifest = json.loads((tmp_path / "out" / NAME).read_text())
    manifest["records"][changed.file] = digest((tmp_path / "out" / changed.file).read_bytes())
    (tmp_path / "out" / NAME).write_text(json.dumps(manifest))
    assert {d.file for d in check(tmp_path / "out")} >= {"table.md", "table.csv", "verdicts.json"}
    (tmp_path / "out" / changed.file).unlink()
    assert [(d.file, d.written) for d in check(tmp_path / "out")] == [(changed.file, "nothing")]


def test_without_its_records_a_report_cannot_be_made_again(tmp_path: Path, run: str) -> None:
    out = tmp_path / "out"
    publish(report_of("S02"), out, TEXTS, keep=True)
    publish(report_of("S02"), out, TEXTS)
    assert not (out / "records").exists()
    with pytest.raises(HarnessError, match=r"rests on 1 run without keeping them.*--keep-records"):
        check(out)


def test_what_a_user_put_there_stays(tmp_path: Path, run: str) -> None:
    out = tmp_path / "out"
    publish(report_of("S02"), out, ("md",))
    for name in ("records/mine.txt", "table.csv"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("mine")
    (out / "drafts").mkdir()
    publish(report_of("S02"), out, ("md",), keep=True)
    publish(report_of("S02"), out, ("md",))
    assert (out / "drafts").is_dir() and (out / "records" / "mine.txt").read_text() == "mine"
    with pytest.raises(HarnessError, match=r"table\.csv is no file of the report there and would be lost"):
        publish(report_of("S02"), out, ("csv",))
    assert (out / "table.csv").read_text() == "mine" and (out / "table.md").is_file()


def test_no_report_holds_a_folder_of_this_machine(tmp_path: Path, run: str) -> None:
    publish(report_of("S02"), tmp_path / "out", (*TEXTS, "html", "lm-eval", "eee", "hf"), keep=True)
    inside = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert len(inside) > 20
    for path in inside:
        content = path.read_bytes()
        assert not any(f"{place}/".encode() in content for place in (tmp_path, Path.home(), CHECKOUT)), path


def test_without_samples_no_output_leaves(tmp_path: Path, run: str) -> None:
    publish(report_of("S02", look=Look(samples=False)), tmp_path / "out", ("html",), keep=True)
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or b"x" * 300 not in path.read_bytes(), path
    assert check(tmp_path / "out") == ()


def test_the_same_bytes_whenever_it_is_made(tmp_path: Path, run: str) -> None:
    forms = ("html", *TEXTS, "tex", "junit", "parquet", "lm-eval", "eee", "hf")
    for name in ("one", "two"):
        report = report_of("C082", "S02")
        dated = replace(report.publication, written=datetime(2026, 11, 22, tzinfo=UTC))
        publish(replace(report, publication=dated), tmp_path / name, forms)
    one, two = (read_manifest(tmp_path / name) for name in ("one", "two"))
    assert one == two
    assert len(one.files) > 10


def test_remaking_follows_the_records(tmp_path: Path, run: str) -> None:
    out = tmp_path / "out"
    publish(report_of("S02"), out, TEXTS, keep=True)
    before = (out / "table.md").read_bytes()
    tampered(out / "table.md", "75.0", "85.0")
    remake(out)
    assert (out / "table.md").read_bytes() == before
    assert check(out) == () and (out / "records" / run / "run.sqlite").is_file()


def test_files_of_the_earlier_report_go_and_strangers_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(report_of("C082", recorded=True), out, ("html", "md"))
    (out / "notes.txt").write_text("mine")
    publish(report_of("C083", recorded=True), out, ("md",))
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*")) == ["notes.txt", NAME, "table.md"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("years of work")
    with pytest.raises(HarnessError, match="holds something that is no report"):
        publish(report_of("C083", recorded=True), tmp_path / "full", ("md",))
    with pytest.raises(HarnessError, match=r"thesis\.tex is a file"):
        publish(report_of("C083", recorded=True), tmp_path / "full" / "thesis.tex", ("md",))


def test_a_report_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(report_of("C082", recorded=True), out, TEXTS)
    before = {p.name: p.read_bytes() for p in out.iterdir()}

    def failing() -> Iterator[Page]:
        yield Page("table.md", "half")
        raise KeyboardInterrupt

    def manifest(*sums: object) -> Manifest:
        raise AssertionError(f"never made of {sums}")

    with pytest.raises(KeyboardInterrupt):
        write(out, failing(), manifest)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd"])
def test_a_manifest_cannot_reach_outside(tmp_path: Path, name: str) -> None:
    out = tmp_path / "deep" / "out"
    publish(report_of("C082", recorded=True), out, ("md",))
    manifest = json.loads((out / NAME).read_text())
    manifest["files"][name] = "0" * 64
    (out / NAME).write_text(json.dumps(manifest))
    with pytest.raises(StoreError, match="outside the report's folder"):
        publish(report_of("C083", recorded=True), out, ("md",))


@pytest.mark.parametrize(
    ("text", "why"),
    [("{", "JSON"), ("[]", "object"), ('{"schema_version": 2}', "schema_version"), ("\xff", "utf-8")],
)
def test_a_damaged_manifest_is_one_sentence(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / NAME).write_bytes(text.encode("latin-1"))
    with pytest.raises(StoreError, match=why) as told:
        check(tmp_path)
    assert str(told.value).count("\n") == 0
    with pytest.raises(HarnessError, match="holds no report"):
        check(tmp_path / "elsewhere")


def test_names_are_claims_models_suites_or_runs(run: str) -> None:
    asked = Asked.of(("C082", "smoke", run[:-4]))
    assert asked == Asked(("C082", "smoke"), (run,))
    assert {s.claim.id for s in asked.gathered().stories} == {"C082", "S01", "S02", "S03"}
    only = Asked.of((run,)).gathered()
    assert [s.claim.id for s in only.stories] == ["S02"] and [r.run.name for r in only.runs] == [run]
    with pytest.raises(UnknownName, match="C0822"):
        Asked.of(("C0822",))
    with pytest.raises(HarnessError, match="--recorded"):
        Asked.of((run,), recorded=True)


def test_text_of_one_file(run: str) -> None:
    report = report_of("C082", recorded=True)
    assert text_of(report, "md").startswith(b"# ")
    assert text_of(replace(report, look=Look(language="ja")), "md") != text_of(report, "md")
    with pytest.raises(HarnessError, match="makes several files"):
        text_of(report, "html")


def test_broken_text_becomes_text() -> None:
    assert content_of(Page("a", "a\ud800b")) == b"a\xef\xbf\xbdb"
    assert content_of(Page("a", b"\x00\xff")) == b"\x00\xff"


def _main(*words: str) -> int:
    from typer.testing import CliRunner

    result = CliRunner().invoke(cli.app, list(words))
    if isinstance(result.exception, HarnessError):
        raise result.exception
    return result.exit_code


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--format", "mdd"), "no format 'mdd'.*md"),
        (("--format", ","), "wants forms"),
        (("--format", "md,csv"), "name a folder"),
        (("--columns", "papr"), "'papr'.*paper"),
        (("--lang", "jp"), "no language 'jp'"),
        (("--all", "C082"), "leave out the names"),
        (("--suite", "smok"), "no suite 'smok'"),
        (("--out", "page.html"), "the name of one: name a folder"),
        (("--out", "x.docx"), r"no form of a report ends in \.docx"),
        (("--format", "md", "--out", "x.tex"), "make them agree"),
        (("--format", "csv", "--out", "/proc/nothing/here.csv"), "cannot be written"),
        (("--keep-records",), "name its folder"),
        (("--check", "nowhere"), "holds no report"),
        (("--check", "nowhere", "--fail-on", "lower"), "give one of the two"),
    ],
)
def test_mistakes_are_one_sentence(words: tuple[str, ...], why: str) -> None:
    with pytest.raises(HarnessError, match=why) as told:
        _main("report", *words)
    assert str(told.value).count("\n") == 0


def test_the_command_writes_a_file_or_a_folder_and_checks_it(tmp_path: Path) -> None:
    assert _main("report", "C082", "--recorded", "--out", str(tmp_path / "a" / "table.md")) == 0
    assert (tmp_path / "a" / "table.md").read_text().startswith("# ")
    assert _main("report", "C082", "--recorded", "--out", str(tmp_path / "page")) == 0
    assert (tmp_path / "page" / "claims" / "C082.html").is_file()
    assert _main("report", "--check", str(tmp_path / "page")) == 0
    tampered(tmp_path / "page" / "table.csv", "79.5", "97.5")
    assert _main("report", "--check", str(tmp_path / "page")) == 1


def test_every_form_is_offered_and_documented() -> None:
    from harness.cli.report_command import FORMS

    assert FORMS.split(", ") == list(publishing.FORMS)


def test_all_is_every_claim() -> None:
    from harness.cli.report_command import _asked

    asked = _asked([], [], everything=True, recorded=True)
    assert len(asked.gathered().stories) == len(claims.load_claims()) > len(plan.claims_of([]))


# -- files of which only a piece is in memory


def streamed(*lines: str) -> Streamed:
    return Streamed("x/samples.jsonl", lambda: (f"{line}\n".encode() for line in lines))


def test_a_streamed_file_is_written_as_a_whole_one(tmp_path: Path, run: str) -> None:
    sums: dict[str, str] = {}

    def manifest(files: Mapping[str, str], records: Mapping[str, str]) -> Manifest:
        sums.update(files)
        return read_manifest(publish(report_of(run), tmp_path / "other", ("md",)).folder)

    made = write(tmp_path / "out", iter([streamed("a", "b")]), manifest)
    assert (tmp_path / "out" / "x" / "samples.jsonl").read_bytes() == b"a\nb\n" == content_of(streamed("a", "b"))
    assert sums == {"x/samples.jsonl": digest(b"a\nb\n")} and (made.files, made.size) == (2, 4)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("a\nb\n", []),
        ("a\nc\n", [("line 2", '"c\\n"', '"b\\n"')]),
        ("a\n", [("line 2", "no such line", '"b\\n"')]),
        ("a\nb\nc\n", [("line 3", '"c\\n"', "no such line")]),
    ],
)
def test_a_streamed_file_is_compared_line_by_line(
    tmp_path: Path, written: str, found: list[tuple[str, str, str]]
) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(written, encoding="utf-8")
    assert [(d.where, d.written, d.again) for d in compared(streamed("a", "b"), path)] == found


def test_a_changed_line_of_samples_is_found(tmp_path: Path, run: str) -> None:
    with RunStore.open(run, write=True) as store:
        store.add_questions(0, ["a", "b"], [Question(name, (), f"What is {name}?", (), "4") for name in "ab"])
        # a record of Every Eval Ever wants a time
        store.begin_session(SESSION)
    publish(report_of("S02"), tmp_path / "out", ("lm-eval", "eee"), keep=True)
    assert check(tmp_path / "out") == ()
    samples = list((tmp_path / "out").rglob("*samples*.jsonl"))
    assert len(samples) == 2
    for path in samples:
        tampered(path, "alert(1)", "alert(2)")
    found = [d for d in check(tmp_path / "out") if "samples" in d.file and d.where.startswith("line")]
    assert [d.file.partition("/")[0] for d in found] == ["lm-eval", "eee"]
    assert all("alert(2)" in d.written and "alert(1)" in d.again for d in found)
