"""`harness judge`: another model is asked about a run's answers, so that they can be scored on what it says."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.output import Json, console, note, write_json
from harness.cli.run_commands import DataDir, TasksDir

if TYPE_CHECKING:
    from harness.opinions import Asked


def add_to(app: typer.Typer) -> None:
    """Adds this command to the application."""
    app.command("judge")(judge)


def judge(
    name: Annotated[str, typer.Argument(metavar="RUN", help="A run's name, or its unique beginning.")],
    by: Annotated[str, typer.Option("--by", help="The judge: a text model, a folder, or scripted:FILE.")],
    scorer: Annotated[str | None, typer.Option(help="Which of the task's scorers wants it; else the first.")] = None,
    wording: Annotated[
        Path | None,
        typer.Option("--wording", help="A file with the request, {question}, {target} and {answer} in it; else ours."),
    ] = None,
    precision: Annotated[str | None, typer.Option("--precision", help="Of the judge; else its own.")] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    rows: Annotated[int | None, typer.Option("--rows", min=1, help="Requests at once; else by device.")] = None,
    tasks_dir: TasksDir = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Asks another model about a run's answers; harness score then reads its replies. Stopped, it goes on."""
    from harness.opinions import ask_judge, open_judge, unwatched
    from harness.scoring import task_of
    from harness.store import RunStore

    with RunStore.open(name, write=True) as store:
        task = task_of(store, tasks_dir, data_dir)
        with (
            open_judge(by, precision=precision, device=device, rows=rows, wording=wording) as opened,
            console().status("") as status,
        ):
            watch = unwatched if as_json else lambda done, total: status.update(f"{done:,} of {total:,} opinions")
            done = ask_judge(store, task, opened, watch, scorer=scorer)
        run, judged_by = store.name, store.judged_by(done.scorer)
    if as_json:
        write_json("judge", {"run": run, "asked": done, "judge": judged_by})
        return
    note(_line(run, done))


def _line(run: str, done: "Asked") -> str:
    again = f", {done.again:,} of them again" if done.again else ""
    unreadable = f"; {done.unreadable:,} cannot be read" if done.unreadable else ""
    spared = f", none needed about {done.spared:,} answers" if done.spared else ""
    failed = f"; {done.failed:,} failed, the first with: {done.first_failure}" if done.failed else ""
    return (
        f"{run}: {done.asked:,} opinions ({done.seconds:,.1f} s{again}{spared}){unreadable}{failed}; "
        f"judge {done.judge}; "
        + (
            f"harness score {run} reads them by {done.scorer}."
            if done.chosen
            else "the run stays with the judge before."
        )
    )
