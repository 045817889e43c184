"""`harness fetch`: weights and data before they are needed. The work is done by harness.cli.fetching."""

from typing import Annotated

import typer

from harness.cli.output import Json
from harness.cli.run_commands import DataDir, SuiteName, Targets, TaskNames


def add_to(app: typer.Typer) -> None:
    """Adds the command to the application."""
    app.command("fetch")(fetch)


def fetch(
    targets: Targets = None,
    suite: SuiteName = None,
    task: TaskNames = None,
    data_dir: DataDir = None,
    weights: Annotated[bool, typer.Option("--weights/--no-weights", help="The models' weights.")] = True,
    data: Annotated[bool, typer.Option("--data/--no-data", help="The pinned data sets.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be fetched, and how much.")] = False,
    as_json: Json = False,
) -> None:
    """Fetches what runs of these targets need from the hub, at its commits, so that they start without network.

    A stopped fetch goes on where it was. Data in your own folder (--data-dir, HARNESS_DATA) are not fetched.
    """
    from harness.cli import fetching

    asked = fetching.Asked(tuple(targets or ()), suite, tuple(task or ()), data_dir, weights, data)
    code = fetching.fetch(asked, dry_run=dry_run, as_json=as_json)
    if code:
        raise typer.Exit(code)
