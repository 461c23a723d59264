"""Packed bodies come back byte for byte, also those that look like packed ones, and those of older versions."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from awbridge.domain.errors import StoreError
from awbridge.store.engine import packing
from awbridge.store.engine.packing import packed, packed_texts, packed_thoroughly, size_of, unpacked, whole

# A released dictionary never changes: rows need it.
RELEASED = {40_001: "37e84b44aa3b0a5942b586d1d234b339724197fc36d3a1d5c1c402acd78fc69c"}
FRAME = b"\x28\xb5\x2f\xfd"
WEBHOOK = json.dumps(
    {
        "waybill": "4078044268687",
        "cp_id": 4,
        "account_code": "Delhivery Surface",
        "status": "Manifested",
        "remark": "Shipment data received",
        "location": "Mumbai_H (Maharashtra)",
        "clickpost_status_code": 1,
        "clickpost_status_description": "OrderPlaced",
        "additional": {"latest_status": {"reference_number": "SHOP-77", "clickpost_status_bucket": 1}},
    }
).encode()


@given(st.binary(max_size=4000))
@example(b"")
@example(FRAME)
@example(packed(WEBHOOK))
@example(zstandard.compress(WEBHOOK))
def test_a_body_comes_back_byte_for_byte(body: bytes) -> None:
    for stored in (packed(body), packed_thoroughly(body)):
        assert unpacked(stored) == body
        assert size_of(stored[: packing.HEAD], len(stored)) == len(body)


@given(st.lists(st.text(max_size=200), min_size=3, max_size=3))
@example(["", "", ""])
@example(["url", '{"a": "\u0939"}', "nul \x00 within"])
def test_texts_come_back(texts: list[str]) -> None:
    row = {"id": 7, "url": "", "request": "", "response": "", "packed_call": packed_texts(*texts)}
    url, request, response = (text.replace("\x00", "\ufffd") for text in texts)
    assert whole(row) == {"id": 7, "url": url, "request": request, "response": response}


def test_a_webhook_is_stored_in_a_third_of_its_bytes() -> None:
    assert 3 * len(packed(WEBHOOK)) < len(WEBHOOK)
    assert len(packed_thoroughly(WEBHOOK)) < len(packed(WEBHOOK))


@pytest.mark.parametrize(
    "body", [WEBHOOK, b"", b"no JSON \xff\xfe", FRAME, FRAME + b"cut off", zstandard.compress(WEBHOOK)]
)
def test_a_body_of_an_older_version_is_read_as_it_is(body: bytes) -> None:
    assert unpacked(body) == body


def test_a_row_of_an_older_version_is_read_as_it_is() -> None:
    row = {"url": "u", "request": "r", "response": "s", "packed_call": None}
    assert whole(row) == {"url": "u", "request": "r", "response": "s"}


def test_a_body_of_a_newer_version_says_what_to_do() -> None:
    stored = bytearray(packed(WEBHOOK))
    stored[5:7] = (40_999).to_bytes(2, "little")
    with pytest.raises(StoreError, match=r"dictionary 40999.*install a newer"):
        unpacked(bytes(stored))


def test_every_number_has_its_dictionary_as_it_was_released() -> None:
    folder = Path(packing.__file__).parent
    found = {n: hashlib.sha256((folder / f"bodies-{n}.zdict").read_bytes()).hexdigest() for n in packing.NUMBERS}
    assert found == RELEASED


def test_threads_pack_at_the_same_time() -> None:
    bodies = [WEBHOOK.replace(b"77", str(number).encode()) for number in range(400)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda body: unpacked(packed(body)), bodies)) == bodies
