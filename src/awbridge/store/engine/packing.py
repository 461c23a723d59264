"""Bodies and texts compressed with a dictionary: what is alike in all of them is stored once, in this package.

A packed value is a zstd frame that names one of the dictionaries beside this module. Anything else is what it says:
rows of older versions are read as they are. What is packed comes back byte for byte.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awbridge.domain.errors import StoreError
from awbridge.store.engine.database import Row

if TYPE_CHECKING:
    import zstandard

# The numbers of the dictionaries, as frames name them. One that was released stays, unchanged: rows need it.
NUMBERS = (40_001,)
LEVEL = 3  # a webhook takes 4 us; level 12 takes 20 us and makes it a quarter smaller
THOROUGH = 12  # for what no webhook waits for: a timeline of track-order takes 30 us instead of 5
HEAD = 18  # bytes, the longest head of a frame
# The columns that hold several texts, or one, and what they are called once they are read.
TEXTS = {"packed_call": ("url", "request", "response"), "packed_body": ("body",), "packed_payload": ("payload",)}

_FRAME = b"\x28\xb5\x2f\xfd"  # how every zstd frame begins
_OURS = range(40_001, 41_000)  # numbers of dictionaries of any version
_BETWEEN = "\x00"  # in no text: PostgreSQL holds none
_local = threading.local()  # a context works for one thread at a time


@cache
def _dictionary(number: int, level: int = LEVEL) -> zstandard.ZstdCompressionDict:
    import zstandard

    made = zstandard.ZstdCompressionDict(Path(__file__).with_name(f"bodies-{number}.zdict").read_bytes())
    made.precompute_compress(level=level)  # pyright: ignore[reportUnknownMemberType]
    return made


def _compressor() -> zstandard.ZstdCompressor:
    import zstandard

    _local.compressor = zstandard.ZstdCompressor(level=LEVEL, dict_data=_dictionary(NUMBERS[-1]))
    return _local.compressor


def _thorough_compressor() -> zstandard.ZstdCompressor:
    import zstandard

    dictionary = _dictionary(NUMBERS[-1], THOROUGH)
    _local.thorough = zstandard.ZstdCompressor(level=THOROUGH, dict_data=dictionary)
    return _local.thorough


def _decompressor(number: int) -> zstandard.ZstdDecompressor:
    import zstandard

    known: dict[int, zstandard.ZstdDecompressor] = _local.__dict__.setdefault("decompressors", {})
    if number not in known:
        known[number] = zstandard.ZstdDecompressor(dict_data=_dictionary(number))
    return known[number]


def packed(body: bytes) -> bytes:
    """A body as it is stored; as it is, where that is shorter."""
    compressor: zstandard.ZstdCompressor = getattr(_local, "compressor", None) or _compressor()
    frame = compressor.compress(body)
    return frame if len(frame) < len(body) or body.startswith(_FRAME) else body


def packed_thoroughly(body: bytes) -> bytes:
    """The same in less space, which takes a few times as long."""
    compressor: zstandard.ZstdCompressor = getattr(_local, "thorough", None) or _thorough_compressor()
    frame = compressor.compress(body)
    return frame if len(frame) < len(body) or body.startswith(_FRAME) else body


def unpacked(stored: bytes) -> bytes:
    """A body as it was received. Raises StoreError where a newer version packed it."""
    stored = bytes(stored)  # some drivers give a memoryview
    if not stored.startswith(_FRAME):
        return stored
    import zstandard

    try:
        number = zstandard.get_frame_parameters(stored).dict_id
        if number in NUMBERS:
            return _decompressor(number).decompress(stored)
    except zstandard.ZstdError:
        return stored  # received like this, by a version that packed nothing
    if number not in _OURS:
        return stored
    raise StoreError(
        f"a body is packed with dictionary {number}, which this version of awbridge lacks: install a newer version"
    )


def size_of(head: bytes, stored: int) -> int:
    """Bytes of a body. `head`: the first HEAD bytes of what is stored; `stored`: its length."""
    if not head.startswith(_FRAME):
        return stored
    import zstandard

    try:
        return zstandard.frame_content_size(head)
    except zstandard.ZstdError:
        return stored


def packed_texts(*texts: str, thoroughly: bool = False) -> bytes:
    """Texts as one packed value, as `packed` or `packed_thoroughly` makes it."""
    joined = _BETWEEN.join(text.replace(_BETWEEN, "\ufffd") for text in texts).encode("utf-8", "surrogatepass")
    return packed_thoroughly(joined) if thoroughly else packed(joined)


def text_of(row: Row, name: str) -> str:
    """One text of a row, packed or in a column of its own. Faster than `whole` where a row has many columns."""
    stored = row.get(f"packed_{name}")
    return row[name] if stored is None else unpacked(stored).decode("utf-8", "surrogatepass")


def whole(row: Row) -> Row:
    """A row with its packed texts in the columns that they are called by; the same row where none is packed."""
    names = tuple(row.keys())
    for column, texts in TEXTS.items():
        if column not in names:
            continue
        shown: dict[str, Any] = {name: row[name] for name in names if name != column}
        if row[column] is not None:
            found = unpacked(row[column]).decode("utf-8", "surrogatepass").split(_BETWEEN)
            shown.update(zip(texts, found, strict=True))
        return shown
    return row
