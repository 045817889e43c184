"""The work behind `harness report --out`: which form goes where."""

from collections.abc import Sequence
from pathlib import Path

import typer

from harness.cli.output import console, note, write_json
from harness.errors import HarnessError
from harness.publishing import FORMS, Report, forms_of, publish, text_of
from harness.verdicts.wording import count


class Delivery:
    """Where a report goes, and as what."""

    def __init__(self, formats: str, out: Path | None, keep: bool, as_json: bool) -> None:
        wanted = formats if formats != "terminal" else _form_by_suffix(out)
        self.forms = forms_of(wanted)
        if not self.forms:
            raise HarnessError(f"--format wants forms, as in --format md,csv; there are {', '.join(FORMS)}.")
        _agree(self.forms, out)
        self.out = out
        self.keep = keep
        self.as_json = as_json

    @property
    def single(self) -> bool:
        """Whether it is one file (or standard output): one form that is one file, and no folder is meant."""
        if len(self.forms) != 1 or FORMS[self.forms[0]].one is None or self.keep:
            return False
        return self.out is None or not (self.out.is_dir() or (not self.out.suffix and not self.out.exists()))


_SUFFIXES = {
    ".md": "md", ".csv": "csv", ".tex": "tex", ".json": "json", ".parquet": "parquet", ".xml": "junit",
    ".html": "html", ".svg": "svg", ".pdf": "pdf",
}  # fmt: skip


def _form_by_suffix(out: Path | None) -> str:
    """What `--out table.md` means without --format; a folder gets the page and the tables."""
    ending = "" if out is None or out.is_dir() else out.suffix
    if ending and ending not in _SUFFIXES:
        raise HarnessError(f"--out {out}: no form of a report ends in {ending}; say which with --format.")
    return _SUFFIXES.get(ending, "html,md,csv,json")


def _agree(forms: Sequence[str], out: Path | None) -> None:
    """Raises HarnessError where a file's ending says another form than the one asked for, or one of several files."""
    ending = "" if out is None or out.is_dir() else out.suffix
    told = _SUFFIXES.get(ending)
    if told is None:
        return
    if told not in forms or len(forms) > 1:
        raise HarnessError(f"--out {out} ends like {told}, and --format says {','.join(forms)}: make them agree.")
    if FORMS[told].one is None:
        raise HarnessError(f"--format {told} makes several files, and {out} is the name of one: name a folder.")


def deliver(report: Report, to: Delivery) -> None:
    """Writes the report as asked for, or prints its one form. Raises HarnessError where it cannot go."""
    if to.out is None and len(to.forms) > 1:
        raise HarnessError(f"{len(to.forms)} formats are several files: name a folder for them with --out.")
    if to.single or to.out is None:
        content = text_of(report, to.forms[0])
        if to.out is None:
            typer.get_binary_stream("stdout").write(content)
            return
        _write(to.out, content)
        written, size = 1, len(content)
    else:
        with console().status("") as status:
            done = 0

            def watch(file: object) -> None:
                nonlocal done
                done += 1
                status.update(f"{done:,} files: {getattr(file, 'path', '')}")

            made = publish(report, to.out, to.forms, keep=to.keep, watch=watch)
        written, size = made.files, made.size
    claims = len(report.publication.stories)
    if to.as_json:
        write_json("written", {"out": to.out, "files": written, "bytes": size, "claims": claims})
        return
    page = f"; open {to.out / 'index.html'}" if "html" in to.forms else ""
    note(f"{to.out} written: {count(claims, 'claim')}, {count(written, 'file')}, {size / 1e6:,.1f} MB{page}.")


def _write(out: Path, content: bytes) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(content)
    except OSError as error:
        raise HarnessError(f"{out} cannot be written ({error.strerror}).") from error
