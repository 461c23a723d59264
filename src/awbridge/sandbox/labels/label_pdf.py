"""Label PDFs, written by hand: 4 x 6 inches, A4, rotated, cropped, and of two pages."""

from dataclasses import dataclass
from zlib import crc32

from awbridge.sandbox.labels.code128 import bars
from awbridge.sandbox.shipments.models import SimulatedOrder

LABEL = (288, 432)
"""4 x 6 inches in points."""
A4 = (595, 842)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageShape:
    """The page of a label: its size and where on it the label is, in points. `rotate`: degrees, clockwise."""

    size: tuple[int, int] = LABEL
    at: tuple[int, int] = (0, 0)
    rotate: int = 0
    crop: tuple[int, int, int, int] | None = None


SHAPES: dict[str, tuple[PageShape, ...]] = {
    "4x6": (PageShape(),),
    "a4": (PageShape(size=A4, at=(20, A4[1] - LABEL[1] - 20)),),
    "rotated": (PageShape(rotate=90),),
    "cropped": (PageShape(size=A4, at=(100, 200), crop=(100, 200, 100 + LABEL[0], 200 + LABEL[1])),),
    "two_pages": (PageShape(), PageShape()),
}


def shape_of(waybill: str) -> str:
    """The shape of a waybill's label: always the same one."""
    return list(SHAPES)[crc32(waybill.encode()) % len(SHAPES)]


def label_pdf(order: SimulatedOrder, shape: str) -> bytes:
    """The label of an order: courier, AWB with its barcode, destination, what to collect."""
    pages = SHAPES[shape]
    waybills = [order.waybill, *order.children] if order.children else [order.waybill] * len(pages)
    shapes = [pages[number % len(pages)] for number in range(len(waybills))]
    return _document(
        [(shape, _drawing(order, waybill, shape)) for waybill, shape in zip(waybills, shapes, strict=True)]
    )


def _drawing(order: SimulatedOrder, waybill: str, shape: PageShape) -> bytes:
    left, bottom = shape.at
    collect = f"COD {order.cod_value:g}" if order.order_type == "COD" else "PREPAID"
    lines = [
        (16, 396, 18, order.account.courier_name),
        (16, 376, 9, order.account.account_code),
        (16, 252, 13, waybill),
        (16, 222, 10, f"Order {order.reference_number}"),
        (16, 200, 24, f"PIN {order.drop_pincode}"),
        (16, 170, 16, collect),
    ]
    module = min(1.1, 250 / (35 + 11 * len(waybill)))
    drawn = [f"{left + 1} {bottom + 1} {LABEL[0] - 2} {LABEL[1] - 2} re S"]
    drawn += [
        f"{left + 19 + at * module:.3f} {bottom + 272} {width * module:.3f} 80 re f" for at, width in bars(waybill)
    ]
    drawn += [f"BT /F1 {size} Tf {left + x} {bottom + y} Td ({_text(text)}) Tj ET" for x, y, size, text in lines]
    return "\n".join(drawn).encode("latin-1")


def _text(text: str) -> str:
    """A text as a PDF string holds it; other characters than those of Latin-1 become question marks."""
    plain = text.encode("latin-1", "replace").decode("latin-1")[:40]
    return plain.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _document(pages: list[tuple[PageShape, bytes]]) -> bytes:
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, (shape, drawing) in enumerate(pages):
        crop = f"/CropBox [{' '.join(map(str, shape.crop))}] " if shape.crop else ""
        page = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {shape.size[0]} {shape.size[1]}] {crop}"
            f"/Rotate {shape.rotate} /Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * number} 0 R >>"
        )
        objects += [page.encode(), b"<< /Length %d >>\nstream\n%b\nendstream" % (len(drawing), drawing)]
    made, places = b"%PDF-1.4\n", list[int]()
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(made))
    return made + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end
