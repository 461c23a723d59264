"""Merges the label PDFs of couriers onto sheets. Needs pypdf; runs in the worker process.

Courier PDFs differ: 4 x 6 inches, A6, A5 or A4, upright or rotated, one page or several, with a crop box or without.
Each page is turned and scaled so that all of it is visible in its place, and never enlarged. Where a label takes up
only part of a larger page, as on A4, only that part is placed: shrunk with its empty page, its barcode would not scan.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pypdf import PageObject, PdfReader, PdfWriter, Transformation
from pypdf.errors import DependencyError
from pypdf.generic import RectangleObject
from pypdfium2 import PdfDocument, PdfiumError

from awbridge.documents.messages import LabelResult
from awbridge.domain.handover.labels import Layout

POINTS_PER_INCH = 72.0
_MM = POINTS_PER_INCH / 25.4
_A4 = (210 * _MM, 297 * _MM)
_LABEL = (4 * POINTS_PER_INCH, 6 * POINTS_PER_INCH)
_MARGIN = 3 * _MM  # around each label on A4: printers leave an edge white
MOST_PAGES = 20  # of one label: more is not a label
_SMALLEST_PAGE = 20.0  # points
_LOOK = 0.5  # pixels a point, for finding what is drawn on a page
_WHITE = 245  # of 255: lighter than this is paper
_EDGE = 6.0  # points around what is drawn: a barcode needs its quiet zone
SHRUNK = 0.8  # below this scale a barcode may be too fine to scan


@dataclass(frozen=True, slots=True)
class Box:
    """A place on a sheet: its lower left corner and its size, in points."""

    x: float
    y: float
    width: float
    height: float


class _Unreadable(Exception):
    """A label cannot be printed. The text says why."""


def merged_labels(labels: Sequence[bytes], layout: Layout) -> tuple[bytes, list[LabelResult]]:
    """The PDF of all labels in their order, and what became of each. b"" if none can be printed."""
    writer = PdfWriter()
    places, largest = _places(writer, layout), _largest(layout)
    results: list[LabelResult] = []
    for content in labels:
        try:
            pages = _pages_of(content)
            if any(_fit(*_visible(page), largest) < SHRUNK for page in pages):
                _crop_to_ink(pages, content)
            scales = [_draw(page, *next(places)) for page in pages]
        except _Unreadable as error:
            results.append(LabelResult(problem=str(error)))
            continue
        smallest = min(scales)
        warning = f"shrunk to {smallest:.0%}: check that its barcode scans" if smallest < SHRUNK else ""
        results.append(LabelResult(pages=len(pages), warning=warning))
    if not writer.pages:
        return b"", results
    writer.add_metadata({"/Title": "Labels", "/Producer": "awbridge"})
    made = io.BytesIO()
    writer.write(made)  # pyright: ignore[reportUnknownMemberType]
    return made.getvalue(), results


def _pages_of(content: bytes) -> list[PageObject]:
    try:
        reader = PdfReader(io.BytesIO(content), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise _Unreadable("the label's PDF is encrypted with a password")
        count = len(reader.pages)
        if not 0 < count <= MOST_PAGES:
            raise _Unreadable(f"the label's PDF has {count} pages")
        return [_checked(page) for page in reader.pages]
    except (_Unreadable, MemoryError):
        raise
    except DependencyError:
        raise _Unreadable("the label's PDF is encrypted in a way that cannot be opened") from None
    except Exception as error:  # a parser of other people's files raises anything
        raise _Unreadable(f"the label's PDF is damaged ({type(error).__name__})") from None


def _checked(page: PageObject) -> PageObject:
    """The page without what is no part of its picture: links, scripts."""
    for name in ("/Annots", "/AA"):
        page.pop(name, None)
    box = page.cropbox
    if min(float(box.width), float(box.height)) < _SMALLEST_PAGE:
        raise _Unreadable("the label's PDF has an empty page")
    page.get_contents()  # a damaged stream is found here, before anything of it is on the sheet
    return page


def _visible(page: PageObject) -> tuple[float, float]:
    """The size of a page's visible part, the shorter side first."""
    shorter, longer = sorted((float(page.cropbox.width), float(page.cropbox.height)))
    return shorter, longer


def _crop_to_ink(pages: Sequence[PageObject], content: bytes) -> None:
    """Crop pages to what is drawn on them. A page that is turned, or that cannot be looked at, stays as it is."""
    try:
        with PdfDocument(content) as document:
            for number, page in enumerate(pages):
                if page.rotation % 360 == 0:
                    _crop_one(page, document[number])
    except PdfiumError:
        return


def _crop_one(page: PageObject, drawn: Any) -> None:
    image = drawn.render(scale=_LOOK, grayscale=True).to_pil()
    ink = image.point([255 if grey < _WHITE else 0 for grey in range(256)]).getbbox()
    if ink is None:
        return
    left, top, right, bottom = ink
    box, edge = page.cropbox, _EDGE * _LOOK
    page.cropbox = RectangleObject(
        (
            float(box.left) + max(0.0, left - edge) / _LOOK,
            float(box.bottom) + max(0.0, image.height - bottom - edge) / _LOOK,
            float(box.left) + min(image.width, right + edge) / _LOOK,
            float(box.bottom) + min(image.height, image.height - top + edge) / _LOOK,
        )
    )


def _largest(layout: Layout) -> Box:
    width, height = _LABEL if layout is Layout.LABEL else _A4
    return _boxes(layout, width, height)[0]


def _places(writer: PdfWriter, layout: Layout) -> Iterator[tuple[PageObject, Box]]:
    """The sheets and the places on them, one after the other; a sheet is added when its first place is taken."""
    width, height = _LABEL if layout is Layout.LABEL else _A4
    while True:
        sheet = writer.add_blank_page(width, height)
        for box in _boxes(layout, width, height):
            yield sheet, box


def _boxes(layout: Layout, width: float, height: float) -> list[Box]:
    if layout is Layout.LABEL:
        return [Box(0, 0, width, height)]
    if layout is Layout.A4:
        return [Box(_MARGIN, _MARGIN, width - 2 * _MARGIN, height - 2 * _MARGIN)]
    half, middle = width / 2, height / 2
    return [
        Box(x + _MARGIN, y + _MARGIN, half - 2 * _MARGIN, middle - 2 * _MARGIN)
        for y in (middle, 0.0)
        for x in (0.0, half)
    ]


def _draw(page: PageObject, sheet: PageObject, place: Box) -> float:
    """Draw a page into its place, turned where it is larger so; its scale."""
    crop: Any = page.cropbox
    left, bottom, width, height = (float(v) for v in (crop.left, crop.bottom, crop.width, crop.height))
    angle = -page.rotation % 360  # /Rotate is clockwise
    shown = (height, width) if angle % 180 else (width, height)
    if _fit(shown[1], shown[0], place) > _fit(*shown, place) * 1.05:
        angle, shown = (angle + 90) % 360, (shown[1], shown[0])
    scale = _fit(*shown, place)
    # Turned about its lower left corner, the page is moved back to where that corner is the lower left one again.
    back = {0: (0.0, 0.0), 90: (height, 0.0), 180: (width, height), 270: (0.0, width)}[angle]
    x = place.x + (place.width - shown[0] * scale) / 2
    y = place.y + place.height - shown[1] * scale  # at the top, where a sheet of labels is cut first
    move = Transformation().translate(-left, -bottom).rotate(angle).translate(*back).scale(scale).translate(x, y)
    sheet.merge_transformed_page(page, move, over=True, expand=False)
    return scale


def _fit(width: float, height: float, place: Box) -> float:
    return min(place.width / width, place.height / height, 1.0)
