"""The sandbox's labels are real PDFs, in every shape, with a barcode that scans."""

from __future__ import annotations

import httpx2
import pytest

from awbridge.sandbox.config import SandboxConfig
from awbridge.sandbox.labels.code128 import bars
from awbridge.sandbox.labels.label_pdf import SHAPES, shape_of
from awbridge.sandbox.server import running
from tests.support.labels import a_label, codes_on
from tests.support.world import an_order


@pytest.mark.parametrize("shape", list(SHAPES))
def test_every_shape_scans(shape: str) -> None:
    assert codes_on(a_label("NETBXM0000073-1", shape)) == [["NETBXM0000073-1"]] * len(SHAPES[shape])


def test_pieces_have_a_page_each() -> None:
    assert codes_on(a_label("M", children=("M-1", "M-2"))) == [["M"], ["M-1"], ["M-2"]]


def test_shapes_are_spread_over_waybills_and_stay() -> None:
    shapes = [shape_of(str(number)) for number in range(100)]
    assert set(shapes) == set(SHAPES)
    assert shapes == [shape_of(str(number)) for number in range(100)]


def test_a_barcode_begins_and_ends_as_code_128_does() -> None:
    assert bars("A")[:3] == [(0, 2), (3, 1), (6, 1)]
    assert bars("A")[-1][1] == 2


async def test_a_placed_order_has_a_label_behind_its_link() -> None:
    order = an_order("R-1", account_code="Delhivery Surface")
    for side in ("pickup", "drop"):
        order[f"{side}_info"] |= {f"{side}_country": "IN", f"{side}_email": "a@example.com"}
    order["pickup_info"]["pickup_time"] = "2026-11-03T10:00:00Z"
    async with running(SandboxConfig()) as sandbox, httpx2.AsyncClient() as http:
        login = {"username": "sandbox", "key": "sandbox-key"}
        answer = await http.post(f"{sandbox.url}/api/v3/create-order/", params=login, json=order)
        result = answer.json()["result"]
        label = await http.get(result["label"])
        assert label.headers["content-type"] == "application/pdf"
        assert {code for page in codes_on(label.content) for code in page} == {result["waybill"]}
        unknown = await http.get(f"{sandbox.url}/labels/unknown.pdf")
        assert (unknown.status_code, b"expired" in unknown.content) == (403, True)
