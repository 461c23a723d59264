"""Labels in every shape that couriers send end on the sheet with a barcode that scans."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfReader, PdfWriter, Transformation
from pypdf.annotations import Link
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from awbridge.documents.label_sheets import MOST_PAGES, merged_labels
from awbridge.domain.handover.labels import Layout
from awbridge.sandbox.labels.label_pdf import SHAPES
from tests.support.labels import a_label, codes_on, sizes_of

pytestmark = pytest.mark.heavy


def encrypted(content: bytes, password: str) -> bytes:
    writer = PdfWriter(clone_from=io.BytesIO(content))
    writer.encrypt(password, "owner", algorithm="RC4-128")
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("shape", list(SHAPES))
def test_every_shape_scans_in_every_layout(shape: str, layout: Layout) -> None:
    made, results = merged_labels([a_label("53123456789012", shape)], layout)
    assert [(result.problem, result.warning) for result in results] == [("", "")]
    scanned = [code for page in codes_on(made) for code in page]
    assert scanned == ["53123456789012"] * len(SHAPES[shape])
    assert set(sizes_of(made)) == ({(288, 432)} if layout is Layout.LABEL else {(595, 842)})


def test_a_label_of_two_pages_takes_two_places() -> None:
    labels = [a_label("A1", "two_pages"), a_label("B2"), a_label("C3")]
    made, results = merged_labels(labels, Layout.A4_FOUR)
    assert [result.pages for result in results] == [2, 1, 1]
    assert [sorted(page) for page in codes_on(made)] == [["A1", "A1", "B2", "C3"]]


def test_broken_empty_and_endless_files_are_named_and_leave_no_trace_on_the_sheet() -> None:
    writer = PdfWriter()
    for _ in range(MOST_PAGES + 1):
        writer.add_blank_page(100, 100)
    endless = io.BytesIO()
    writer.write(endless)
    good = a_label("AWB1")
    labels = [b"", b"<html>", good[:300], endless.getvalue(), encrypted(good, "secret"), good]
    made, results = merged_labels(labels, Layout.LABEL)
    assert codes_on(made) == [["AWB1"]]
    assert [bool(result.problem) for result in results] == [True] * 5 + [False]
    assert "has 21 pages" in results[3].problem
    assert "encrypted with a password" in results[4].problem


def test_a_label_that_only_its_owner_may_change_is_printed() -> None:
    made, results = merged_labels([encrypted(a_label("AWB1"), "")], Layout.LABEL)
    assert codes_on(made) == [["AWB1"]]
    assert results[0].problem == ""


def test_a_full_a4_page_on_a_label_is_shrunk_with_a_warning() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(a_label("AWB1", "a4")))
    second = PdfReader(io.BytesIO(a_label("AWB2"))).pages[0]
    writer.pages[0].merge_transformed_page(second, Transformation().translate(300, 5), expand=False)
    made = io.BytesIO()
    writer.write(made)
    _, results = merged_labels([made.getvalue()], Layout.LABEL)
    assert "shrunk to" in results[0].warning


def test_links_and_scripts_of_a_label_do_not_come_along() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(a_label("AWB1")))
    writer.add_annotation(0, Link(rect=(0, 0, 100, 100), url="https://evil.example.com"))
    script = {"/S": "/JavaScript", "/JS": "app.alert('x')"}
    action = DictionaryObject({NameObject(name): TextStringObject(text) for name, text in script.items()})
    writer.root_object[NameObject("/OpenAction")] = action
    writer.pages[0][NameObject("/AA")] = DictionaryObject({NameObject("/O"): action})
    label = io.BytesIO()
    writer.write(label)
    made, _ = merged_labels([label.getvalue()], Layout.A4)
    before, after = (PdfReader(io.BytesIO(content)) for content in (label.getvalue(), made))
    assert "/OpenAction" in before.root_object
    assert {"/Annots", "/AA"} <= set(before.pages[0])
    assert "/OpenAction" not in after.root_object
    assert not {"/Annots", "/AA"} & set(after.pages[0])


def test_nothing_to_print_is_no_pdf() -> None:
    assert merged_labels([], Layout.A4) == (b"", [])
    assert merged_labels([b"x"], Layout.A4)[0] == b""
