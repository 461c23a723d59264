"""What an erasure looks for, and the bodies, files and reports without it. No I/O."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from awbridge.domain.errors import AwbridgeError
from awbridge.domain.privacy import ERASED, Eraser, PersonalKind, digits_of, kind_of
from awbridge.steps.records.zip_file import Archive
from awbridge.store.privacy.personal import ParcelTexts


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureScope:
    """What an erasure looks for: shipments that have ended, the names they go by, and the digits of a phone."""

    parcels: tuple[ParcelTexts, ...]
    names: frozenset[str]
    digits: str

    @property
    def references(self) -> frozenset[str]:
        """The reference numbers of these shipments."""
        return frozenset(parcel.reference_number for parcel in self.parcels)


def _scalars(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        for name, inner in cast("dict[str, Any]", value).items():
            yield from _scalars(inner, (*path, name))
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _scalars(inner, path)
    elif value is not None and not isinstance(value, bool):
        yield path, str(value)


def phones_in(value: Any) -> set[str]:
    """The digits of every phone number in a payload."""
    return {digits_of(text) for path, text in _scalars(value) if kind_of(path) is PersonalKind.PHONE}


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def concerns(sought: ErasureScope, text: str) -> bool:
    """Whether a body is about one of the shipments, or names the phone."""
    value = _read(text)
    if value is None:
        return bool(sought.digits) and sought.digits in text
    if any(name in sought.names for _, name in _scalars(value)):
        return True
    return bool(sought.digits) and (sought.digits in phones_in(value) or sought.digits in text)


def json_differs(one: bytes, other: bytes) -> bool:
    """Whether two bodies say something else; spacing says nothing."""
    left, right = _read(one.decode("utf-8", "replace")), _read(other.decode("utf-8", "replace"))
    return one != other if left is None or right is None else left != right


def bare_lines(lines: bytes, sought: ErasureScope) -> bytes | None:
    """The lines without what is sought; None where nothing had to change."""
    after = [_bare_line(line, sought) for line in lines.splitlines()]
    whole = b"".join(line + b"\n" for line in after)
    return whole if whole != lines else None


def _bare_line(line: bytes, sought: ErasureScope) -> bytes:
    record = _read(line.decode("utf-8", "replace"))
    if record is None or not (record.get("reference") in sought.references or concerns(sought, line.decode())):
        return line
    eraser = Eraser()
    bare = {**record, "request": eraser.value(record.get("request"))}
    bare = {**bare, "response": eraser.value(record.get("response")), "error": eraser.text(record.get("error") or "")}
    return json.dumps(bare, ensure_ascii=False, separators=(",", ":")).encode()


def bare_zip(content: bytes, day: date, sought: ErasureScope) -> bytes | None:
    """A report's zip without what is sought; None where nothing had to change. Raises AwbridgeError for no zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as old:
            files = {name: old.read(name) for name in old.namelist()}
    except zipfile.BadZipFile:
        raise AwbridgeError("a stored report is not a zip: make it anew with awbridge report failures") from None
    new = Archive(day)
    changed = False
    for name, before in files.items():
        after = before
        if name.endswith(".jsonl"):
            after = bare_lines(before, sought) or before
        elif name.endswith(".csv"):
            after = _bare_table(before, sought)
        changed |= after != before
        new.add(name, after)
    return new.content() if changed else None


def _bare_table(table: bytes, sought: ErasureScope) -> bytes:
    text = table.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    head, bare = rows[0], [_bare_row(rows[0], row, sought) for row in rows[1:]]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows([head, *bare])
    return ("\ufeff" + out.getvalue()).encode()


def _bare_row(head: list[str], row: list[str], sought: ErasureScope) -> list[str]:
    if not any(value in sought.names for value in row) and not (
        sought.digits and any(sought.digits in value for value in row)
    ):
        return row
    return [
        ERASED if name in ("payload", "response", "error") and value else value
        for name, value in zip(head, row, strict=True)
    ]
