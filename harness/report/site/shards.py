"""Data as files that a page opened from disk can read.

Pages on file: may not fetch, but may add a script. So each file is a script of one call, `harnessShard(3, "…")`, whose
text is base64 of gzip of JSON; assets/samples-data.js takes it in. The bytes depend on the data alone.
"""

import base64
import json
import zlib
from typing import Any

LEVEL = 4
"""Of zlib. On prose and code, 6 takes twice as long for 5 % fewer bytes; 3 saves a seventh of the time for 5 % more."""
ENOUGH = 256 * 1024
"""Bytes of gzip after which a shard is closed; one element alone may have more."""


class Shard:
    """A list of JSON values that is compressed as it grows: what is in memory is the compressed part."""

    def __init__(self) -> None:
        # 16 + : a gzip frame, whose time of making zlib leaves 0
        self._deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        self._done = bytearray()
        self.elements = 0

    def add(self, element: Any) -> None:
        self._done += self._deflate.compress(b"," if self.elements else b"[")
        self._done += self._deflate.compress(encoded(element))
        self.elements += 1

    @property
    def full(self) -> bool:
        return len(self._done) >= ENOUGH

    def script(self, call: str, number: int) -> bytes:
        """The file's bytes; the shard is closed by that."""
        self._done += self._deflate.compress(b"]" if self.elements else b"[]")
        self._done += self._deflate.flush()
        return b'%s(%d,"%s");\n' % (call.encode(), number, base64.b64encode(self._done))


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
