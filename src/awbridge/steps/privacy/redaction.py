"""The scope of an erasure, and the bodies, files and reports redacted by it. No I/O."""

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
    """What an erasure covers: shipments that have ended, their reference numbers and waybills, and a phone's digits."""

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


def concerns(scope: ErasureScope, text: str) -> bool:
    """Whether a body is about one of the shipments, or names the phone."""
    value = _read(text)
    if value is None:
        return bool(scope.digits) and scope.digits in text
    if any(name in scope.names for _, name in _scalars(value)):
        return True
    return bool(scope.digits) and (scope.digits in phones_in(value) or scope.digits in text)


def json_differs(one: bytes, other: bytes) -> bool:
    """Whether two bodies differ in more than spacing."""
    left, right = _read(one.decode("utf-8", "replace")), _read(other.decode("utf-8", "replace"))
    return one != other if left is None or right is None else left != right


def redacted_lines(lines: bytes, scope: ErasureScope) -> bytes | None:
    """The lines, redacted; None if nothing changed."""
    after = [_redacted_line(line, scope) for line in lines.splitlines()]
    whole = b"".join(line + b"\n" for line in after)
    return whole if whole != lines else None


def _redacted_line(line: bytes, scope: ErasureScope) -> bytes:
    record = _read(line.decode("utf-8", "replace"))
    if record is None or not (record.get("reference") in scope.references or concerns(scope, line.decode())):
        return line
    eraser = Eraser()
    redacted = {**record, "request": eraser.value(record.get("request"))}  # first: its values are found in the others
    redacted["response"] = eraser.value(record.get("response"))
    redacted["error"] = eraser.text(record.get("error") or "")
    return json.dumps(redacted, ensure_ascii=False, separators=(",", ":")).encode()


def redacted_zip(content: bytes, day: date, scope: ErasureScope) -> bytes | None:
    """A report's zip, redacted; None if nothing changed. Raises AwbridgeError if it is not a zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as old:
            files = {name: old.read(name) for name in old.namelist()}
    except zipfile.BadZipFile:
        raise AwbridgeError("a stored report is not a zip: make it again with awbridge report failures") from None
    new = Archive(day)
    changed = False
    for name, before in files.items():
        after = before
        if name.endswith(".jsonl"):
            after = redacted_lines(before, scope) or before
        elif name.endswith(".csv"):
            after = _redacted_table(before, scope)
        changed |= after != before
        new.add(name, after)
    return new.content() if changed else None


def _redacted_table(table: bytes, scope: ErasureScope) -> bytes:
    text = table.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    head, redacted = rows[0], [_redacted_row(rows[0], row, scope) for row in rows[1:]]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows([head, *redacted])
    return ("\ufeff" + out.getvalue()).encode()


def _redacted_row(head: list[str], row: list[str], scope: ErasureScope) -> list[str]:
    if not any(value in scope.names for value in row) and not (
        scope.digits and any(scope.digits in value for value in row)
    ):
        return row
    return [
        ERASED if name in ("payload", "response", "error") and value else value
        for name, value in zip(head, row, strict=True)
    ]
