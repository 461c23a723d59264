"""Draws a hand-over manifest as a PDF. Needs fpdf2, uharfbuzz and python-barcode; runs in the worker process.

Names may be in any script. Latin, Greek, Cyrillic, Devanagari and Arabic are drawn with the fonts of this package;
ligatures and the direction of writing are HarfBuzz's work. A character without a font leaves a gap.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from barcode.codex import Code128
from barcode.errors import BarcodeError
from fpdf import FPDF

from awbridge.domain.handover.manifests import PrintedLine, PrintedManifest

_FONTS = Path(__file__).parent / "fonts"
_LEFT, _TOP, _RIGHT, _BOTTOM = 10.0, 11.0, 200.0, 284.0  # mm, on A4
_ROW = 14.0  # mm: a barcode of 8 mm is scanned easily, without catching that of the next line
_BAR_HEIGHT = 8.0
_MODULE = 0.25  # mm, the narrowest bar: 10 mil
_QUIET = 2.5  # mm beside a barcode
_COLUMNS = (("#", 8.0), ("AWB", 64.0), ("Order", 38.0), ("Consignee", 46.0), ("Pcs", 9.0), ("COD", 25.0))
_SIGNATURES_HEIGHT = 52.0
_LAST_SIMPLE = 0x24F  # Latin: one character is one glyph, from left to right
_LONGEST = 120  # characters of a cell that are looked at


class _Sheet(FPDF):
    def __init__(self, printed: PrintedManifest) -> None:
        super().__init__(format="A4")
        self.printed = printed
        self.set_auto_page_break(False)
        self.set_margins(_LEFT, _TOP, _LEFT)
        self.set_title(f"Hand-over manifest {printed.manifest.number}")
        self.set_creator("awbridge")
        self.set_creation_date(datetime(2000, 1, 1, tzinfo=UTC))  # the same manifest is the same file
        self.add_font("sans", "", _FONTS / "NotoSans-Regular.ttf")
        self.add_font("sans", "B", _FONTS / "NotoSans-Bold.ttf")
        self.add_font("devanagari", "", _FONTS / "NotoSansDevanagari-Regular.ttf")
        self.add_font("arabic", "", _FONTS / "NotoSansArabic-Regular.ttf")
        self.set_fallback_fonts(["devanagari", "arabic"], exact_match=False)
        self.alias_nb_pages()

    def write_at(self, x: float, y: float, text: str, *, size: float = 9, bold: bool = False) -> None:
        """A line of text; y is its middle."""
        self._use("B" if bold else "", size, text)
        self.set_xy(x, y - 2.5)
        self.cell(None, 5, text)

    def fitted(self, text: str, width: float, size: float = 9) -> str:
        """The text as far as it fits into a width, in mm."""
        text = " ".join(text[:_LONGEST].split())
        self._use("", size, text)
        if self.get_string_width(text) <= width:
            return text
        while text and self.get_string_width(f"{text}…") > width:
            text = text[:-1]
        return f"{text}…"

    def _use(self, style: str, size: float, text: str) -> None:
        self.set_font("sans", style, size)
        self.set_text_shaping(any(ord(c) > _LAST_SIMPLE for c in text))  # it takes most of the time


def manifest_pdf(printed: PrintedManifest) -> bytes:
    """The manifest as a PDF on A4: a line for each parcel with a barcode of its AWB, totals, and signature lines."""
    sheet = _Sheet(printed)
    y = _new_page(sheet)
    for line in printed.lines:
        if y + _ROW > _BOTTOM:
            y = _new_page(sheet)
        _row(sheet, y, line)
        y += _ROW
    if y + _SIGNATURES_HEIGHT > _BOTTOM:
        y = _new_page(sheet, columns=False)
    _totals(sheet, y + 3)
    return bytes(sheet.output())


def _new_page(sheet: _Sheet, *, columns: bool = True) -> float:
    """Begin a page with the heading; where its first line begins, in mm."""
    printed, manifest = sheet.printed, sheet.printed.manifest
    sheet.add_page()
    sheet.write_at(_LEFT, _TOP + 3, f"Hand-over manifest {manifest.number}", size=15, bold=True)
    page = f"Page {sheet.page_no()} of {{nb}}"
    sheet.write_at(_RIGHT - 26, _TOP + 3, page, size=9)
    sheet.write_at(_LEFT, _TOP + 11, sheet.fitted(printed.courier, 120, 11), size=11)
    counted = f"{manifest.parcels} parcels" if manifest.parcels != 1 else "1 parcel"
    sheet.write_at(_LEFT, _TOP + 17, sheet.fitted(f"{printed.created_at}, {counted}, by {manifest.created_by}", 185))
    y = _TOP + 23
    if columns:
        x = _LEFT
        for title, width in _COLUMNS:
            sheet.write_at(x, y + 1, title, size=8, bold=True)
            x += width
    sheet.set_draw_color(90)
    sheet.line(_LEFT, y + 4.5, _RIGHT, y + 4.5)
    return y + 5


def _row(sheet: _Sheet, y: float, printed: PrintedLine) -> None:
    line, middle = printed.line, y + _ROW / 2
    sheet.write_at(_LEFT, middle, str(line.position), size=8)
    x = _LEFT + _COLUMNS[0][1]
    _barcode(sheet, x, y + 1, line.waybill, _COLUMNS[1][1])
    sheet.write_at(x, y + 11.4, sheet.fitted(line.waybill, _COLUMNS[1][1] - 2, 8), size=8)
    x += _COLUMNS[1][1]
    _two(sheet, x, middle, (printed.order_id or line.reference_number, line.reference_number), _COLUMNS[2][1])
    x += _COLUMNS[2][1]
    place = ", ".join(part for part in (printed.place, printed.weight) if part)
    _two(sheet, x, middle, (printed.consignee, place), _COLUMNS[3][1])
    x += _COLUMNS[3][1]
    sheet.write_at(x, middle, str(line.pieces))
    x += _COLUMNS[4][1]
    sheet.write_at(x, middle, sheet.fitted(line.cod or "prepaid", _COLUMNS[5][1]), bold=bool(line.cod))
    sheet.set_draw_color(210)
    sheet.line(_LEFT, y + _ROW, _RIGHT, y + _ROW)


def _two(sheet: _Sheet, x: float, middle: float, texts: tuple[str, str], width: float) -> None:
    first, second = texts
    if second == first or not second:
        sheet.write_at(x, middle, sheet.fitted(first, width - 2))
        return
    sheet.write_at(x, middle - 2.2, sheet.fitted(first, width - 2))
    sheet.write_at(x, middle + 2.4, sheet.fitted(second, width - 2, 7.5), size=7.5)


def _barcode(sheet: _Sheet, x: float, y: float, text: str, width: float) -> None:
    """Code 128 of a text, as rectangles; none for a text that Code 128 cannot hold."""
    try:
        built: Any = Code128(text).build()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        modules = str(built[0])
    except (BarcodeError, ValueError, KeyError):
        return
    module = min(_MODULE, (width - 2 * _QUIET) / len(modules))
    sheet.set_fill_color(0)
    at = 0
    for run in modules.replace("01", "0 1").replace("10", "1 0").split():
        if run[0] == "1":
            sheet.rect(x + at * module, y, len(run) * module, _BAR_HEIGHT, style="F")
        at += len(run)


def _totals(sheet: _Sheet, y: float) -> None:
    manifest = sheet.printed.manifest
    pieces = sum(printed.line.pieces for printed in sheet.printed.lines)
    sheet.write_at(_LEFT, y + 2, f"Parcels: {manifest.parcels}", size=11, bold=True)
    sheet.write_at(_LEFT + 60, y + 2, f"Pieces: {pieces}", size=11, bold=True)
    sheet.write_at(_LEFT + 110, y + 2, f"COD total: {manifest.cod_total}", size=11, bold=True)
    sheet.set_draw_color(90)
    for x, title in ((_LEFT, "Handed over by"), (_LEFT + 100, "Received for the courier by")):
        sheet.write_at(x, y + 12, title, size=9, bold=True)
        for number, what in enumerate(("Name", "Date and time", "Signature")):
            line = y + 22 + number * 10
            sheet.write_at(x, line - 1.5, what, size=8)
            sheet.line(x + 24, line, x + 88, line)
