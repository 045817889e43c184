"""What a written report was made of: report.json, by which it can be made again and checked."""

import hashlib
import json
from collections.abc import Mapping
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
    """`asked`: what the report is about. `files`: path → sha256, of everything written. `kept`: the runs whose copies
    lie in `records/`. Version, commit and whether files differed from it are those of the harness that wrote it."""

    schema_version: Literal[1] = 1
    asked: Asked
    forms: tuple[str, ...]
    look: Look
    version: str
    commit: str | None
    dirty: bool | None
    kept: tuple[str, ...]
    files: Mapping[str, str]

    @field_validator("files", "kept")
    @classmethod
    def _inside(cls, names: Mapping[str, str] | tuple[str, ...]) -> Mapping[str, str] | tuple[str, ...]:
        if any(Path(name).is_absolute() or ".." in Path(name).parts for name in names):
            raise ValueError("names a file outside the report's folder")
        return names

    def text(self) -> str:
        """As it is written."""
        plain = self.model_dump(mode="json")
        plain["files"] = dict(sorted(self.files.items()))
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
    raise StoreError(f"{path} cannot be read ({why}): write the report anew with harness report.")


def digest(content: bytes) -> str:
    """sha256, in hex."""
    return hashlib.sha256(content).hexdigest()
