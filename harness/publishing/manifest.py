"""What a written report was made of: report.json, by which it can be made again and checked."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError, field_validator

from harness.errors import HarnessError, StoreError
from harness.publishing.asked import Asked
from harness.publishing.forms import Look
from harness.records.base import Record

NAME = "report.json"
RECORDS = "records"
"""The folder beside it with compact copies of the runs."""


class Manifest(Record):
    """`asked`: what the report is about. `files` and `records`: path → sha256, of what is shown and of the copies of
    runs and probe results beside it; `rests_on`: names of the runs and files of the probes that it tells of, whether
    copied or not; `written`: when, if a form has to say so. Version, commit and whether files differed from it are
    those of the harness that wrote it."""

    schema_version: Literal[1] = 1
    asked: Asked
    forms: tuple[str, ...]
    look: Look
    version: str
    commit: str | None
    dirty: bool | None
    rests_on: tuple[str, ...]
    written: datetime | None = None
    files: Mapping[str, str]
    records: Mapping[str, str]

    @field_validator("files", "records")
    @classmethod
    def _inside(cls, names: Mapping[str, str]) -> Mapping[str, str]:
        if any(Path(name).is_absolute() or ".." in Path(name).parts for name in names):
            raise ValueError("names a file outside the report's folder")
        return names

    @property
    def everything(self) -> Mapping[str, str]:
        """Path → sha256 of all files of the report but this one."""
        return {**self.files, **self.records}

    @property
    def writer(self) -> str:
        """`the harness 0.1.0, commit 1a2b3c4d5e`."""
        return f"the harness {self.version}" + (f", commit {self.commit[:10]}" if self.commit else "")

    def text(self) -> str:
        """As it is written."""
        plain = self.model_dump(mode="json")
        for name in ("files", "records"):
            plain[name] = dict(sorted(plain[name].items()))
        return json.dumps(plain, ensure_ascii=False, indent=1) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a written report. Raises HarnessError where there is none, StoreError where it is damaged or
    another version's."""
    path = folder / NAME
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise HarnessError(f"{folder} holds no report ({NAME} is missing): harness report --out {folder}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        why = f"{'.'.join(map(str, first['loc'])) or 'all of it'}: {first['msg']}"
    except (OSError, UnicodeDecodeError) as error:
        why = str(error)
    raise StoreError(f"{path} cannot be read ({why}): remove the folder and write the report anew, or name another.")


def digest(content: bytes) -> str:
    """sha256, in hex."""
    return hashlib.sha256(content).hexdigest()


def digest_of(path: Path) -> str:
    """The same of a file, of which only a piece is in memory. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
