"""Data as files that a page opened from disk can read.

Pages on file: may not fetch, but may add a script. So each file is a script of one call, `harnessShard(3, "…")`, whose
text is base64 of gzip of JSON; assets/samples-data.js takes it in. The bytes depend on the data alone.
"""

import base64
import json
import zlib
from concurrent.futures import Executor, Future
from typing import Any

LEVEL = 4
"""Of zlib. On prose and code, 6 takes twice as long for 5 % fewer bytes; 3 saves a seventh of the time for 5 % more."""
ENOUGH = 256 * 1024
"""Bytes of gzip after which a shard is closed; one element alone may have more."""


class Shard:
    """A list of JSON values that is compressed as it grows: what is in memory is the compressed part, and the value
    added last. `beside`: where that is compressed while the caller makes the next one ready; else at once."""

    def __init__(self, beside: Executor | None = None) -> None:
        # 16 + : a gzip frame, whose time of making zlib leaves 0
        self._deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        self._done = bytearray()
        self._beside = beside
        self._last: Future[None] | None = None
        self.elements = 0

    def add(self, element: Any) -> None:
        pieces = b"," if self.elements else b"[", encoded(element)
        self._settle()
        if self._beside is None:
            self._compress(*pieces)
        else:
            self._last = self._beside.submit(self._compress, *pieces)
        self.elements += 1

    @property
    def full(self) -> bool:
        self._settle()
        return len(self._done) >= ENOUGH

    def script(self, call: str, number: int) -> bytes:
        """The file's bytes; the shard is closed by that."""
        self._settle()
        self._compress(b"]" if self.elements else b"[]")
        self._done += self._deflate.flush()
        return b'%s(%d,"%s");\n' % (call.encode(), number, base64.b64encode(self._done))

    def _compress(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._done += self._deflate.compress(piece)

    def _settle(self) -> None:
        """Waits for what was added last."""
        if self._last is not None:
            self._last.result()
            self._last = None


def encoded(value: Any) -> bytes:
    """JSON in UTF-8, or in ASCII where texts hold lone surrogates (outputs cut within a character): it escapes them."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def decoded(script: bytes) -> tuple[str, int, Any]:
    """What a file made by `Shard.script` calls, with which number and data: the inverse, for checks."""
    head, body = script.decode("ascii").split("(", 1)
    number, text = body.removesuffix('");\n').split(',"', 1)
    return head, int(number), json.loads(zlib.decompress(base64.b64decode(text), 16 + zlib.MAX_WBITS))
