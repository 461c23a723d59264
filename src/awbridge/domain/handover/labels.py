"""Labels of shipments: how they are laid out on paper, and what a label link answered. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

_MAGIC_WITHIN = 1024  # bytes: readers accept a PDF whose header is not at its very beginning
_BEGINNINGS = ((b"\x89PNG\r\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"), (b"^XA", "zpl"), (b"PK", "zip"))


class Layout(StrEnum):
    """How labels are printed."""

    A4_FOUR = "a4-4up"
    A4 = "a4"
    LABEL = "4x6"

    @property
    def description(self) -> str:
        """The layout in words."""
        return _DESCRIPTIONS[self]


_DESCRIPTIONS = {
    Layout.A4_FOUR: "A4, four labels on a page",
    Layout.A4: "A4, one label on a page",
    Layout.LABEL: "Label printer, 4 × 6 inches",
}


@dataclass(frozen=True, slots=True)
class LabelKey:
    """One label: of a shipment (piece 0), or of one of its pieces, from 1."""

    reference_number: str
    piece: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLabel:
    """A label that is needed, and its link. `waybill`: the parcel that it belongs on."""

    key: LabelKey
    waybill: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLabel:
    """A label as stored, without its content. `problem`: why there is no PDF; `size`: bytes, None without a PDF."""

    key: LabelKey
    waybill: str
    url: str = field(repr=False)
    size: int | None
    problem: str | None
    tries: int
    next_try_at: datetime | None
    lease_owner: str | None
    refreshed_at: datetime | None
    fetched_at: datetime | None


def format_of(content: bytes) -> str:
    """What a file is by its beginning: pdf, png, jpeg, gif, zpl, zip, html, xml, text, nothing or unknown."""
    if not content.strip():
        return "nothing"
    if b"%PDF-" in content[:_MAGIC_WITHIN]:
        return "pdf"
    head = content.lstrip()[:256]
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return name
    lower = head.lower()
    if lower.startswith(b"<?xml") or lower.startswith(b"<error"):
        return "xml"
    if lower.startswith(b"<"):
        return "html"
    return "text" if all(byte >= 32 or byte in b"\t\r\n" for byte in head) else "unknown"


def not_a_pdf(name: str) -> str:
    """The problem of a label link that answered something other than a PDF."""
    if name == "nothing":
        return "the label link answered with an empty file"
    return f"the label is not a PDF but {_NAMES.get(name, 'a file of an unknown kind')}"


_NAMES = {
    "png": "a PNG picture",
    "jpeg": "a JPEG picture",
    "gif": "a GIF picture",
    "zpl": "printer commands (ZPL)",
    "zip": "a zip",
    "html": "a web page",
    "xml": "an XML message",
    "text": "plain text",
}
