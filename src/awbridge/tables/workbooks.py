"""Reads spreadsheets (XLSX, XLS, ODS) sheet by sheet. They are read whole, so their size is limited."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from xml.parsers.expat import ExpatError

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from awbridge.domain.errors import TableUnreadable
from awbridge.tables.ods import scan_ods
from awbridge.tables.xls import scan_xls
from awbridge.tables.xlsx import WIDEST, SheetScan, scan_book

LARGEST_FILE = 64 << 20  # bytes
LARGEST_UNPACKED = 1 << 30  # bytes of XML
MOST_CELLS = 25_000_000  # calamine uses 32 bytes for each, even if empty

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_RESAVE = "open it in a spreadsheet program and save it as .xlsx or .csv"
_UNSUPPORTED = (
    (b"%PDF", "a PDF, which holds no table that can be read; ask for CSV or XLSX"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"TABLE\r\n0,1", f"a DIF table, despite the file name; {_RESAVE}"),
    (b"TABLE\n0,1", f"a DIF table, despite the file name; {_RESAVE}"),
    (b"\x09\x00\x04\x00", f"an Excel 2 spreadsheet; {_RESAVE}"),
)


@dataclass(slots=True)
class Sheet:
    """A sheet. Cells without a value (formulas never calculated, errors) are NoValue."""

    name: str
    is_hidden: bool
    values: CalamineSheet = field(repr=False)
    scan: SheetScan = field(repr=False)

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """The rows that are not empty, each with its line number (from 1)."""
        left = self.values.start[1] if self.values.start else 0
        marked = {key // WIDEST for key in self.scan.without_value}
        row = -1
        for row, cells in enumerate(self.values.iter_rows()):
            if row in marked:
                self._insert_no_values(row, left, cells)
            if any(cell != "" for cell in cells):
                yield row + 1, cells
        for beyond in sorted(one for one in marked if one > row):  # calamine ends before rows without any value
            blank: list[Any] = [""] * max(self.scan.columns - left, 0)
            self._insert_no_values(beyond, left, blank)
            yield beyond + 1, blank

    def _insert_no_values(self, row: int, left: int, cells: list[Any]) -> None:
        for index in range(len(cells)):
            if no_value := self.scan.without_value.get(SheetScan.at(row, left + index)):
                cells[index] = no_value


def is_book(path: Path, name: str) -> bool:
    """Whether a file is a supported spreadsheet; False for text. Raises TableUnreadable for other formats."""
    with path.open("rb") as file:
        head = file.read(1024)
    if head.startswith((_ZIP, _OLE)):
        return True
    for signature, problem in _UNSUPPORTED:
        if head.startswith(signature):
            raise TableUnreadable(f"{name}: {problem}")
    opening = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
    if opening.startswith((b"<!doctype", b"<html", b"<table", b"<meta", b"<style", b"<div")):
        raise TableUnreadable(f"{name}: an HTML page, despite the file name; {_RESAVE}")
    if opening.startswith(b"<?xml"):
        raise TableUnreadable(f"{name}: XML, despite the file name; {_RESAVE}")
    return False


def read_sheets(path: Path, name: str) -> list[Sheet]:
    """The sheets that are not empty, visible ones first. Raises TableUnreadable."""
    if path.stat().st_size > LARGEST_FILE:
        raise TableUnreadable(f"{name}: the spreadsheet is larger than {LARGEST_FILE >> 20} MiB; save it as CSV")
    with path.open("rb") as file:
        is_zip = file.read(4) == _ZIP
    scans = _scan_zip(path, name) if is_zip else _scan_xls(path)
    if not is_zip and "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
        _refuse_locked(name)
    try:
        with path.open("rb") as file, CalamineWorkbook.from_filelike(file) as book:
            sheets = list(_sheets(book, scans))
    except PasswordError:
        _refuse_locked(name)
    except (CalamineError, ValueError, OSError) as error:
        raise TableUnreadable(f"{name}: the spreadsheet cannot be read ({type(error).__name__}); {_RESAVE}") from None
    return sorted(sheets, key=lambda sheet: sheet.is_hidden)


def _refuse_locked(name: str) -> NoReturn:
    raise TableUnreadable(f"{name}: the file is protected by a password; save it without one") from None


def _sheets(book: CalamineWorkbook, scans: Sequence[SheetScan]) -> Iterator[Sheet]:
    for index, meta in enumerate(book.sheets_metadata):
        if meta.typ != SheetTypeEnum.WorkSheet:
            continue
        values = book.get_sheet_by_name(meta.name)
        scan = scans[index] if index < len(scans) else SheetScan()
        if values.start is not None or scan.without_value:
            yield Sheet(meta.name, meta.visible != SheetVisibleEnum.Visible, values, scan)


def _scan_zip(path: Path, name: str) -> list[SheetScan]:
    """Scan an XLSX or ODS for what calamine does not return. Raises TableUnreadable."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if "xl/workbook.bin" in names:
                raise TableUnreadable(
                    f"{name}: a binary workbook (.xlsb), whose columns can be lost unnoticed; {_RESAVE}"
                )
            if sum(part.file_size for part in archive.infolist()) > LARGEST_UNPACKED:
                raise TableUnreadable(
                    f"{name}: the spreadsheet is larger than {LARGEST_UNPACKED >> 30} GiB unpacked; save it as CSV"
                )
            if "xl/workbook.xml" in names:
                return _scan_xlsx(archive, name)
            if "content.xml" in names:
                with archive.open("content.xml") as content, archive.open("content.xml") as again:
                    return scan_ods(content, again)
    except (ExpatError, zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, OSError) as error:
        raise TableUnreadable(f"{name}: the spreadsheet cannot be read ({type(error).__name__}); {_RESAVE}") from None
    raise TableUnreadable(f"{name}: a zip archive, not a spreadsheet; unpack it and use the file inside")


def _scan_xls(path: Path) -> list[SheetScan]:
    try:
        return scan_xls(path)
    except (OSError, ValueError, IndexError, struct.error):
        return []  # calamine reports the problem


def _scan_xlsx(archive: zipfile.ZipFile, name: str) -> list[SheetScan]:
    scans = scan_book(archive)
    if sum(scan.rows * scan.columns for scan in scans) > MOST_CELLS:
        raise TableUnreadable(
            f"{name}: its sheets extend over more than {MOST_CELLS:,} cells; delete the empty rows and columns around "
            "the table, or save it as CSV"
        )
    return scans
