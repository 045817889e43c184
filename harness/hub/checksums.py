"""Are the files of a hub snapshot the published ones? Large files lie in the hub's cache under their own sha256.

Checked once: what was found right is remembered with size and time of change, so that only a file that changed is read
again. A plain folder publishes no checksums: of it a run keeps the fingerprint (harness.models.weights).
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness import places
from harness.errors import HubError
from harness.hub.byte_progress import ByteProgress

_PIECE = 16 * 2**20
_PARALLEL = 8
_SHA256 = re.compile(r"[0-9a-f]{64}")
# what is read of a checkpoint or a data set; other formats may lie beside it
_READ = (
    *(".safetensors", ".gguf", ".json", ".txt", ".model", ".jinja"),
    *(".parquet", ".arrow", ".jsonl", ".csv", ".tsv", ".zip", ".gz", ".tar", ".lst", ".wav"),
)


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of the hub's cache, `name` in its snapshot. Its own file name is the sha256 it was published under."""

    name: str
    path: Path

    @property
    def state(self) -> str:
        """What tells whether it was changed since: size and time."""
        found = self.path.stat()
        return f"{found.st_size} {found.st_mtime_ns}"


def verify(folder: Path) -> None:
    """Reads every large file of a snapshot once and compares; does nothing for any other folder.

    Raises HubError naming the first file that is not what was published.
    """
    known = _remembered()
    blobs = [blob for blob in _blobs(folder) if known.get(str(blob.path)) != blob.state]
    if not blobs:
        return
    total = sum(blob.path.stat().st_size for blob in blobs)
    threads = min(_PARALLEL, len(os.sched_getaffinity(0)), len(blobs))
    with ByteProgress(f"Checking {len(blobs)} files", total) as progress, ThreadPoolExecutor(threads) as pool:
        try:
            right = list(pool.map(lambda blob: _sha256(blob.path, progress) == blob.path.name, blobs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    remember(blob for blob, fine in zip(blobs, right, strict=True) if fine)
    wrong = [blob for blob, fine in zip(blobs, right, strict=True) if not fine]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise HubError(
            f"{folder / wrong[0].name} is damaged{more}: its sha256 is not the one it was published under. Delete "
            f"{wrong[0].path} and run again, which downloads it anew."
        )


def remember(blobs: Iterable[Blob]) -> None:
    """Notes that these are right. Where nothing can be written they are checked again the next time."""
    known = dict(_remembered()) | {str(blob.path): blob.state for blob in blobs}
    kept = {path: state for path, state in sorted(known.items()) if Path(path).is_file()}
    with suppress(OSError):
        _memory().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=_memory().parent, delete=False) as file:
            json.dump({"sha256 verified": kept}, file, indent=1)
        os.replace(file.name, _memory())


def _memory() -> Path:
    return places.checkpoints() / "verified.json"


def _remembered() -> Mapping[str, str]:
    try:
        known = json.loads(_memory().read_text(encoding="utf-8"))["sha256 verified"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return known if isinstance(known, dict) else {}


def _blobs(folder: Path) -> list[Blob]:
    """The large files of a snapshot: links to blobs with a sha256 for a name (small ones have git's)."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix in _READ and path.is_symlink():
            # one step only: the blob itself may be a link to a store that caches share
            target = Path(os.path.normpath(path.parent.resolve() / path.readlink()))
            if _SHA256.fullmatch(target.name) and target.parent.name == "blobs" and target.is_file():
                found.append(Blob(str(path.relative_to(folder)), target))
    return found


def _sha256(path: Path, progress: ByteProgress) -> str:
    digest = hashlib.sha256()
    piece = memoryview(bytearray(_PIECE))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(piece):
            digest.update(piece[:count])
            progress.add(count)
    return digest.hexdigest()
