"""Spreadsheets: XLSX, XLS and ODS, sheet by sheet. Read whole, so their size is bounded."""

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
MOST_CELLS = 25_000_000  # calamine takes 32 bytes for each, empty or not

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SAVE = "open it in a spreadsheet program and save it as .xlsx or .csv"
_OTHER = (
    (b"%PDF", "a PDF, from which no table can be read; ask for CSV or XLSX"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"TABLE\r\n0,1", f"a table in DIF, whatever its name says; {_SAVE}"),
    (b"TABLE\n0,1", f"a table in DIF, whatever its name says; {_SAVE}"),
    (b"\x09\x00\x04\x00", f"a spreadsheet of Excel 2; {_SAVE}"),
)


@dataclass(slots=True)
class Sheet:
    """A sheet that was read. Cells without a value of their own (formulas never calculated, errors) are NoValue."""

    name: str
    is_hidden: bool
    read: CalamineSheet = field(repr=False)
    scanned: SheetScan = field(repr=False)

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """The rows that are not empty, with the number of each (1 is the first)."""
        left = self.read.start[1] if self.read.start else 0
        marked = {key // WIDEST for key in self.scanned.without_value}
        row = -1
        for row, cells in enumerate(self.read.iter_rows()):
            if row in marked:
                self._mark(row, left, cells)
            if any(cell != "" for cell in cells):
                yield row + 1, cells
        for beyond in sorted(one for one in marked if one > row):  # rows of nothing else calamine does not know
            blank: list[Any] = [""] * max(self.scanned.columns - left, 0)
            self._mark(beyond, left, blank)
            yield beyond + 1, blank

    def _mark(self, row: int, left: int, cells: list[Any]) -> None:
        without = self.scanned.without_value
        for place in range(len(cells)):
            if what := without.get(SheetScan.at(row, left + place)):
                cells[place] = what


def is_book(path: Path, name: str) -> bool:
    """Whether a file is a spreadsheet that can be read; False for text. Raises TableUnreadable for other things."""
    with path.open("rb") as file:
        head = file.read(1024)
    if head.startswith((_ZIP, _OLE)):
        return True
    for mark, what in _OTHER:
        if head.startswith(mark):
            raise TableUnreadable(f"{name}: {what}")
    opening = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
    if opening.startswith((b"<!doctype", b"<html", b"<table", b"<meta", b"<style", b"<div")):
        raise TableUnreadable(f"{name}: a page of HTML, whatever its name says; {_SAVE}")
    if opening.startswith(b"<?xml"):
        raise TableUnreadable(f"{name}: XML, whatever its name says; {_SAVE}")
    return False


def read_sheets(path: Path, name: str) -> list[Sheet]:
    """The sheets that hold anything, the visible ones first. Raises TableUnreadable."""
    if path.stat().st_size > LARGEST_FILE:
        raise TableUnreadable(f"{name}: a spreadsheet of more than {LARGEST_FILE >> 20} MiB; save it as CSV")
    with path.open("rb") as file:
        is_zip = file.read(4) == _ZIP
    scanned = _look_inside(path, name) if is_zip else _look_inside_xls(path)
    if not is_zip and "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
        _locked(name)
    try:
        with path.open("rb") as file, CalamineWorkbook.from_filelike(file) as book:
            sheets = list(_sheets(book, scanned))
    except PasswordError:
        _locked(name)
    except (CalamineError, ValueError, OSError) as error:
        raise TableUnreadable(f"{name}: not a spreadsheet that can be read ({type(error).__name__}); {_SAVE}") from None
    return sorted(sheets, key=lambda sheet: sheet.is_hidden)


def _locked(name: str) -> NoReturn:
    raise TableUnreadable(f"{name}: it is locked with a password; save it without one") from None


def _sheets(book: CalamineWorkbook, scanned: Sequence[SheetScan]) -> Iterator[Sheet]:
    for place, meta in enumerate(book.sheets_metadata):
        if meta.typ != SheetTypeEnum.WorkSheet:
            continue
        read = book.get_sheet_by_name(meta.name)
        if read.start is not None or (place < len(scanned) and scanned[place].without_value):
            is_hidden = meta.visible != SheetVisibleEnum.Visible
            yield Sheet(meta.name, is_hidden, read, scanned[place] if place < len(scanned) else SheetScan())


def _look_inside(path: Path, name: str) -> list[SheetScan]:
    """What a zip holds: the cells of an XLSX or ODS beside their values. Raises TableUnreadable."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if "xl/workbook.bin" in names:
                raise TableUnreadable(
                    f"{name}: a binary workbook (.xlsb), of which columns can get lost unnoticed; {_SAVE}"
                )
            if sum(part.file_size for part in archive.infolist()) > LARGEST_UNPACKED:
                raise TableUnreadable(f"{name}: too large when unpacked; save it as CSV")
            if "xl/workbook.xml" in names:
                return _scan(archive, name)
            if "content.xml" in names:
                with archive.open("content.xml") as content, archive.open("content.xml") as again:
                    return scan_ods(content, again)
    except (ExpatError, zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, OSError) as error:
        raise TableUnreadable(f"{name}: not a spreadsheet that can be read ({type(error).__name__}); {_SAVE}") from None
    raise TableUnreadable(f"{name}: not a spreadsheet but a zip; unpack it and take the file inside")


def _look_inside_xls(path: Path) -> list[SheetScan]:
    try:
        return scan_xls(path)
    except (OSError, ValueError, IndexError, struct.error):
        return []  # calamine says what is wrong with it


def _scan(archive: zipfile.ZipFile, name: str) -> list[SheetScan]:
    scanned = scan_book(archive)
    if sum(sheet.rows * sheet.columns for sheet in scanned) > MOST_CELLS:
        raise TableUnreadable(
            f"{name}: its sheets reach over more than {MOST_CELLS:,} cells; delete the empty rows and columns around "
            "the table, or save it as CSV"
        )
    return scanned
