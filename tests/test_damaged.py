"""A damaged run ends nothing: it is left out with one sentence naming it; what asks for it alone says the same."""

import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import plan
from harness.comparing import compare
from harness.errors import StoreError
from harness.explaining import explain
from harness.gathering import gather
from harness.judging.runs import local_runs
from harness.records import Message, Registration
from harness.records.questions import Question
from harness.store import RunStore
from tests.stored_runs import put

S02 = plan.claims_of(["S02"])
REGISTERED = Registration("S02", 0, "at_least", 0.3, "none", 0.05)


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def stored(**changes: object) -> str:
    """A scored run of four questions with their texts."""
    made = put([[1.0, 0.0, 1.0, 0.0]] * 3, registered=[REGISTERED], **changes)  # type: ignore[arg-type]  # as put says
    with RunStore.open(made, write=True) as store:
        names = store.samples()
        store.add_questions(0, names, [Question(n, (Message("user", f"What is {n}?"),), None, (), "1") for n in names])
    return made


def sql(query: str) -> Callable[[Path], None]:
    def broken(folder: Path) -> None:
        with RunStore.open(folder.name, write=True) as store:
            assert store._db.execute(query).rowcount != 0, "nothing was damaged"

    return broken


def cut(folder: Path) -> None:
    with (folder / "run.sqlite").open("r+b") as file:
        file.truncate(30_000)


def folder_instead(folder: Path) -> None:
    (folder / "run.sqlite").unlink()
    (folder / "run.sqlite").mkdir()


# what a score or a figure is computed from
NUMBERS = {
    "status": sql("update score set status = 'glorious' where repeat = 1 and sample = 'q2'"),
    "value as text": sql("update score set value = 'abc' where repeat = 1 and sample = 'q2'"),
    "value without end": sql("update score set value = 9e999 where repeat = 1 and sample = 'q2'"),
    "value out of range": sql("update score set value = 7 where repeat = 1 and sample = 'q2'"),
    "score of another question": sql("update score set sample = 'q9' where repeat = 1 and sample = 'q2'"),
    "question": sql("delete from question where position = 3"),
    "judge, a number": sql("update meta set value = '7' where key = 'judge'"),
    "judge, no JSON": sql("update meta set value = '{' where key = 'judge'"),
    "judge, three names": sql('update meta set value = \'["a", "b", "c"]\' where key = \'judge\''),
    "specification": sql("update meta set value = '{\"model\": 1}' where key = 'spec'"),
    "registration": sql("update registration set body = '{}'"),
    "cut": cut,
    "emptied": lambda folder: (folder / "run.sqlite").write_bytes(b"") and None,
    "folder": folder_instead,
    "media": sql("update generation set media = '[{}]' where repeat = 2 and sample = 'q1'"),
    "table": sql("drop table score"),
}
# what only a page and an export show
TEXTS = {
    "text, no UTF-8": sql("update generation set text = cast(x'ff00fe' as text) where repeat = 2 and sample = 'q1'"),
    "text, bytes": sql("update generation set text = x'ff00fe' where repeat = 2 and sample = 'q1'"),
    "reason, no UTF-8": sql("update score set reason = cast(x'ff' as text) where repeat = 2 and sample = 'q1'"),
    "end": sql("update generation set finish = 'glorious' where repeat = 2 and sample = 'q1'"),
    "item": sql("update item set body = x'0102' where position = 1"),
    "item missing": sql("delete from item where position = 1"),
    "item of another shape": sql(f"update item set body = x'{zlib.compress(b'[]').hex()}' where position = 1"),
    "session": sql("insert into session (body, generations_before) values ('not json', 0)"),
}


@pytest.mark.parametrize("damage", [*NUMBERS.values(), *TEXTS.values()], ids=[*NUMBERS, *TEXTS])
def test_one_damaged_run_ends_no_report(runs: Path, damage: Callable[[Path], None]) -> None:
    whole, broken = stored(), stored(seed=2)
    damage(runs / broken)
    said: list[str] = []
    told = gather(S02, left_out=said.append)
    assert [run.run.name for run in told.runs] == [whole]
    assert {v.run for v in told.verdicts if v.run} == {whole}, "a verdict rests on what cannot be looked at"
    assert len(said) == 1 and broken in said[0] and said[0].count("\n") == 0


@pytest.mark.parametrize("damage", NUMBERS.values(), ids=NUMBERS)
def test_what_is_about_that_run_says_so(runs: Path, damage: Callable[[Path], None]) -> None:
    whole, broken = stored(), stored(seed=2)
    damage(runs / broken)
    said: list[str] = []
    assert [run.name for run in local_runs(said.append)] == [whole] and len(said) == 1
    for asked in (lambda: explain(broken), lambda: compare(whole, broken)):
        with pytest.raises(StoreError) as told:
            asked()
        assert broken in str(told.value) and "\n" not in str(told.value)


@pytest.mark.parametrize("damage", TEXTS.values(), ids=TEXTS)
def test_a_damaged_run_that_is_asked_for_is_an_error(runs: Path, damage: Callable[[Path], None]) -> None:
    broken = stored()
    damage(runs / broken)
    with pytest.raises(StoreError, match=broken):
        gather((), runs=[broken])


def test_a_run_whose_database_is_gone_is_named(runs: Path) -> None:
    whole, gone = stored(), stored(seed=2)
    (runs / gone / "run.sqlite").unlink()
    (runs / "notes").mkdir()
    said: list[str] = []
    assert [run.run.name for run in gather(S02, left_out=said.append).runs] == [whole]
    assert said == [f"The run {gone} has no database any more: move its folder away, or restore it from a copy."]
    shutil.rmtree(runs / gone)
    gather(S02, left_out=said.append)
    assert len(said) == 1


def test_a_run_of_a_version_that_kept_no_questions_is_whole(runs: Path) -> None:
    name = stored()
    sql("delete from item")(runs / name)
    said: list[str] = []
    assert [run.run.name for run in gather(S02, left_out=said.append).runs] == [name] and not said


def test_an_output_that_cannot_be_read_is_not_scored_again(runs: Path) -> None:
    name = stored()
    sql("update generation set seed = 'x' where repeat = 2 and sample = 'q1'")(runs / name)
    with RunStore.open(name) as store, pytest.raises(StoreError, match=f"{name} is damaged"):
        list(store.generations())
