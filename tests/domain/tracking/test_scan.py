from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from awbridge.domain.orders.shipment import SHARDS, shard_of
from awbridge.domain.tracking.scan import Scan

SCAN = Scan(
    waybill="W1",
    courier_partner_id=4,
    code=5,
    scanned_at=datetime(2026, 11, 2, 9, 0, 30, tzinfo=UTC),
    status="In Transit",
    remark="on its way",
    location="Mumbai Hub",
)


@pytest.mark.parametrize(
    "same",
    [
        {"status": " in  transit"},
        {"location": "MUMBAI HUB "},
        {"remark": "another word"},
        {"scanned_at": SCAN.scanned_at + timedelta(milliseconds=710)},
        {"scanned_at": SCAN.scanned_at.astimezone(timezone(timedelta(hours=5, minutes=30)))},
        {"scan_id": "9", "checkpoint_id": "8", "ndr_code": 1},
    ],
)
def test_webhook_and_polling_show_one_scan_alike(same: dict[str, Any]) -> None:
    assert replace(SCAN, **same).fingerprint() == SCAN.fingerprint()


@pytest.mark.parametrize(
    "other",
    [
        {"code": 6},
        {"status": "Held"},
        {"location": "Pune"},
        {"waybill": "W2"},
        {"scanned_at": SCAN.scanned_at + timedelta(seconds=1)},
    ],
)
def test_different_scans_have_different_fingerprints(other: dict[str, Any]) -> None:
    assert replace(SCAN, **other).fingerprint() != SCAN.fingerprint()


def test_a_scan_without_waybill_is_its_shipments() -> None:
    assert replace(SCAN, waybill="").fingerprint(waybill="W1") == SCAN.fingerprint()


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_a_shard_is_stable_and_within_bounds(key: str) -> None:
    assert shard_of(key) == shard_of(key)
    assert 0 <= shard_of(key) < SHARDS


def test_shards_never_change() -> None:
    assert [shard_of(key) for key in ("REF-1001", "W1", "")] == [21, 22, 0]
