"""`harness listen`: a run's spoken answers written down by another model, so that they can be judged; or whose voice
they are in, beside the recordings they were to imitate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.output import Json, console, note, write_json
from harness.cli.run_commands import DataDir, TasksDir
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.engines import Setup
    from harness.listening import Compared, Listened


def add_to(app: typer.Typer) -> None:
    """Adds this command to the application."""
    app.command("listen")(listen)


def listen(
    name: Annotated[str, typer.Argument(metavar="RUN", help="A run's name, or its unique beginning.")],
    ear: Annotated[
        str | None, typer.Option("--ear", help="A Whisper model, or scripted:FILE; else whisper-large-v3.")
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="Of what was said, as Whisper writes it; else the task's, or en.")
    ] = None,
    precision: Annotated[str, typer.Option("--precision", help="Of the ear: fp32, fp16 or bf16.")] = "fp32",
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    rows: Annotated[int | None, typer.Option("--rows", min=1, help="Sounds heard together; else by device.")] = None,
    speaker: Annotated[
        str | None,
        typer.Option("--speaker", help="Compares voices instead, by this speaker model (bands: a stand-in)."),
    ] = None,
    references: Annotated[
        Path | None, typer.Option("--reference", help="A folder with the recordings, if not beside the questions.")
    ] = None,
    tasks_dir: TasksDir = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Writes a run's spoken answers down; harness score then judges it on them. Stopped, it goes on where it was."""
    from harness.engines import Setup
    from harness.listening import listen as listen_to
    from harness.listening import open_ear, unwatched
    from harness.store import RunStore

    setup = Setup(precision=precision, device=device, rows=rows)
    if speaker is not None:
        if ear is not None:
            raise HarnessError("--speaker compares voices and nothing is written down: leave out --ear.")
        _compare(name, speaker, setup, (references, tasks_dir, data_dir), as_json)
        return
    if references is not None:
        raise HarnessError("--reference is for comparing voices: name a speaker model with --speaker.")
    with (
        RunStore.open(name, write=True) as store,
        open_ear(ear or "whisper-large-v3", language=language or _language(store.spec.task), setup=setup) as opened,
    ):
        with console().status("") as status:
            progress = unwatched if as_json else lambda done, total: status.update(f"{done:,} of {total:,} heard")
            done = listen_to(store, opened, watch=progress)
        run = store.name
    if as_json:
        write_json("listen", {"run": run, "listened": done, "ear": opened.description})
        return
    note(_line(run, done))


def _language(task: str) -> str:
    """The one that a task's official ear is told; English where none is named."""
    from harness.tasks import TASKS
    from harness.tasks.scorers.official import EARS

    scorers = TASKS[task](None).scorers if task in TASKS else ()
    return next((EARS[name].language for name in scorers if name in EARS), "en")


def _compare(
    name: str, speaker: str, setup: "Setup", folders: tuple[Path | None, Path | None, Path | None], as_json: bool
) -> None:
    """Compares voices. `folders`: of the recordings, the task files, the datasets."""
    from harness.listening import compare_voices, open_voices, unwatched
    from harness.scoring import task_of
    from harness.store import RunStore

    references, tasks_dir, data_dir = folders
    with RunStore.open(name, write=True) as store:
        task = task_of(store, tasks_dir, data_dir)
        with open_voices(speaker, setup) as opened, console().status("") as status:
            watch = unwatched if as_json else lambda done, total: status.update(f"{done:,} of {total:,} compared")
            done = compare_voices(store, task, opened, references, watch=watch)
        run = store.name
    if as_json:
        write_json("voices", {"run": run, "compared": done, "speaker": opened.description})
        return
    note(_compared(run, done))


def _compared(run: str, done: "Compared") -> str:
    mean = "" if done.mean is None else f", mean cosine {done.mean:.3f}"
    silent = f", {done.silent:,} of them without speech" if done.silent else ""
    failed = f"; {done.failed:,} failed, the first with: {done.first_failure}" if done.failed else ""
    return f"{run}: {done.compared:,} voices compared{silent}{mean}{failed}; speaker model {done.speaker}; " + _then(
        done.chosen, f"harness score {run} --scorer speaker-similarity reads them."
    )


def _line(run: str, done: "Listened") -> str:
    silent = f", {done.silent:,} of them without speech" if done.silent else ""
    failed = f"; {done.failed:,} failed, the first with: {done.first_failure}" if done.failed else ""
    heard = f"{done.heard:,} answers heard ({done.seconds:,.1f} s{silent}){failed}"
    then = _then(done.chosen, f"harness score {run} judges the run on what was heard.")
    return f"{run}: {heard}; listener {done.listener}; {then}"


def _then(chosen: bool, command: str) -> str:
    """A model that failed on some answers does not take the place of one that did not."""
    return command if chosen else "the run stays with the one before."
