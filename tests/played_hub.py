"""A server that plays the hub: models and data sets at their commits, over the protocol that the hub's client speaks.

Connections break, servers are busy and files are not what was published where a test wants it.
"""

import contextlib
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

# kept in the hub's store for large files, under their sha256; all others under the name that git gives them
_LARGE = (".safetensors", ".bin", ".parquet", ".arrow", ".zip", ".gz", ".tar", ".tsv", ".wav")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_name(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class Repo:
    """A repository at its one commit; a file's content is bytes, or lies in a file."""

    commit: str
    files: dict[str, bytes | Path]

    def read(self, name: str) -> bytes:
        found = self.files[name]
        return found.read_bytes() if isinstance(found, Path) else found


@dataclass
class Hub:
    """What the server has and what goes wrong. `asked`: (method, file, first byte) of every request for a file."""

    # by `models/org/name` and `datasets/org/name`
    repos: Mapping[str, Repo]
    address: str = ""
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    # file: bytes after which the connection breaks, one entry for each time
    breaks: dict[str, list[int]] = field(default_factory=dict)
    busy: dict[str, int] = field(default_factory=dict)
    ranges: bool = True
    # seconds between two pieces of 10 kB
    pause: float = 0.0
    lies: dict[str, bytes] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)

    def begins(self, name: str) -> list[int]:
        return [first for method, asked, first in self.asked if (method, asked) == ("GET", name)]

    def environment(self, cache: Path) -> dict[str, str]:
        """What makes a process of its own take this for the hub."""
        return {
            "HF_ENDPOINT": self.address,
            "HF_HUB_CACHE": str(cache),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        }

    def taken_for_real(self, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
        """The same for the client in this process."""
        from huggingface_hub import constants

        from harness import network

        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HF_HUB_OFFLINE", "")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
        monkeypatch.setattr(constants, "ENDPOINT", self.address)
        template = self.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        network.reachable.cache_clear()


class Answers(BaseHTTPRequestHandler):
    """One request to the played hub, which the server carries as `played`."""

    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Hub:
        found: Hub = self.server.played  # type: ignore[attr-defined]
        return found

    def log_message(self, *_: Any) -> None:
        """Not on the screen."""

    def do_HEAD(self) -> None:
        self.file(body=False)

    def do_GET(self) -> None:
        asked = re.fullmatch(r"/api/((?:models|datasets)/[^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?", self.clean)
        if asked is None:
            self.file(body=True)
            return
        name, what, revision = asked.groups()
        repo = self.hub.repos.get(name)
        if repo is None:
            self.answer(404, {"X-Error-Code": "RepoNotFound"})
        elif revision not in (None, "main", repo.commit):
            self.answer(404, {"X-Error-Code": "RevisionNotFound"})
        elif what == "tree":
            self.answer(200, body=json.dumps([entry(file, repo.read(file)) for file in repo.files]).encode())
        else:
            siblings = [{"rfilename": file} for file in repo.files]
            told = {"id": name.partition("/")[2], "sha": repo.commit, "siblings": siblings}
            self.answer(200, body=json.dumps(told).encode())

    @property
    def clean(self) -> str:
        return unquote(self.path.split("?")[0])

    def answer(self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | dict(headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def file(self, *, body: bool) -> None:
        found = re.fullmatch(r"/(?:(datasets)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.clean)
        repo = self.hub.repos.get(f"{found[1] or 'models'}/{found[2]}") if found else None
        if not found or repo is None or found[3] != repo.commit or found[4] not in repo.files:
            self.answer(404, {"X-Error-Code": "EntryNotFound"})
            return
        hub, name = self.hub, found[4]
        if found[2] in hub.gated:
            self.answer(403, {"X-Error-Code": "GatedRepo"})
            return
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        hub.asked.append((self.command, name, first))
        if body and hub.busy.get(name, 0) > 0:
            hub.busy[name] -= 1
            self.answer(503)
            return
        data = repo.read(name)
        partly = asked is not None and hub.ranges
        sent = hub.lies.get(name, data)[first if partly else 0 :]
        self.answer(
            206 if partly else 200,
            {
                "X-Repo-Commit": repo.commit,
                "ETag": f'"{sha256(data) if name.endswith(_LARGE) else git_name(data)}"',
                "Content-Length": str(len(sent)),
            },
        )
        if body:
            breaks = hub.breaks.get(name, [])
            self.send(sent, breaks.pop(0) if breaks else len(sent))

    def send(self, data: bytes, stop: int) -> None:
        """The data as far as `stop`, where the connection breaks if that is not the end."""
        try:
            for at in range(0, stop, 10_000):
                self.wfile.write(data[at : min(at + 10_000, stop)])
                time.sleep(self.hub.pause)
        except OSError:
            stop = -1  # the client is gone
        self.close_connection = stop != len(data)


def entry(name: str, data: bytes) -> dict[str, Any]:
    """A file as the hub lists it."""
    found: dict[str, Any] = {"type": "file", "path": name, "size": len(data), "oid": git_name(data)}
    if name.endswith(_LARGE):
        found["lfs"] = {"oid": sha256(data), "size": len(data), "pointerSize": 130}
    return found


@contextlib.contextmanager
def playing(repos: Mapping[str, Repo]) -> Iterator[Hub]:
    """The server while inside."""
    from harness import network

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    played = server.played = Hub(repos)  # type: ignore[attr-defined]
    played.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield played
    finally:
        network.reachable.cache_clear()
        server.shutdown()
        server.server_close()
        thread.join()
