"""No body crashes or blocks the webhook endpoint, or the steps that apply its deliveries."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.tracking import inbox
from awbridge.web.webhook.endpoint import PATH
from tests.clickpost.strategies import json_values
from tests.support.app import Web, web_on
from tests.support.rows import T0, add, count, place
from tests.support.stores import sqlite_only
from tests.support.world import INDIA, as_body, webhook

pytestmark = pytest.mark.slow  # seconds of processor time

RIGHT = {"webhook_key": "right"}
POLICY = ApplyPolicy(zone=INDIA)
GOOD = as_body(
    {
        **webhook("AWB1", 9, T0, order_status_id=7, rto_awb="RTO1", checkpoint_id="c1"),
        "additional": {
            "latest_status": {"timestamp": "2026-11-02T14: 55: 13Z", "clickpost_status_code": "6", "status": "x"},
            "order_id": 5,
            "is_rvp": "true",
            "forward_awb": "F1",
            "courier_partner_edd": "2026-11-05",
            "ndr_status_code": "1",
            "notification_event_id": 4,
        },
        "scans": [{"timestamp": "2026-11-02", "clickpost_status_code": 5, "checkpoint_id": 9}],
    }
)
FIELDS = (
    *("waybill", "cp_id", "clickpost_status_code", "timestamp", "status", "location", "remark", "rto_awb", "scans"),
    *("order_status_id", "checkpoint_id", "additional", "latest_status", "notification_event_id", "order_id"),
    *("reference_number", "return_reference_number"),
)


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A valid delivery with some bytes changed, removed or inserted."""
    body = bytearray(GOOD)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 6))] = draw(st.binary(max_size=6))
    return bytes(body)


odd_fields = st.dictionaries(st.sampled_from(FIELDS), json_values, min_size=1, max_size=4)
odd = odd_fields.map(lambda fields: json.dumps({**json.loads(GOOD), **fields}).encode())
inner = odd_fields.map(lambda fields: json.dumps({**json.loads(GOOD), "additional": fields}).encode())
lists = st.lists(odd | broken(), max_size=3).map(lambda bodies: b"[" + b",".join(bodies) + b"]")


async def apply_all(web: Web) -> None:
    """Apply until nothing is due: everything stored is applied, waits for its shipment or is dead-lettered."""
    for _ in range(5):
        if not await apply_due(store=web.store, clock=web.clock, policy=POLICY):
            break
    async with web.store.read() as session:
        assert (await inbox.counts(session))["due"] == 0
        assert not [p.problem for p in await inbox.problems(session, limit=1000) if "could not be applied" in p.problem]


async def a_shipment(store: Store) -> None:
    await add(store, "R")
    await place(store, "R", "AWB1")


@sqlite_only
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.binary(max_size=60) | broken() | odd | inner | lists, min_size=10, max_size=25))
async def test_any_bytes_are_stored_or_refused_and_then_applied_or_dead_lettered(
    store: Store, bodies: list[bytes]
) -> None:
    async with web_on(store, served=True) as web:
        if not await count(store, "shipments"):
            await a_shipment(store)
        answers = await asyncio.gather(*(web.http.post(PATH, content=body, headers=RIGHT) for body in bodies))
        assert {answer.status_code for answer in answers} <= {200, 400}
        await apply_all(web)


def deep(levels: int) -> bytes:
    return b'{"waybill":"AWB1","additional":' * levels + b"1" + b"}" * levels


def many_scans(count: int, **same: Any) -> bytes:
    times = (f"2026-11-01 {n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}" for n in range(count))
    scans = [{"clickpost_status_code": 5, "timestamp": time} | same for time in times]
    return json.dumps({"waybill": "AWB1", "scans": scans}, separators=(",", ":")).encode()


HUGE = {
    "nested objects": deep(10_000),
    "nested lists": b'{"waybill":"AWB1","scans":' + b"[" * 400_000 + b"]" * 400_000 + b"}",
    "a number of a million digits": b'{"waybill":' + b"9" * 1_000_000 + b',"clickpost_status_code":5}',
    "a code of a million digits": b'{"waybill":"AWB1","clickpost_status_code":' + b"9" * 1_000_000 + b"}",
    "a fraction of a million digits": b'{"waybill":"AWB1","clickpost_status_code":0.' + b"9" * 1_000_000 + b"}",
    "a time of a million spaces": json.dumps(webhook("AWB1", 5, T0) | {"timestamp": " " * 1_000_000}).encode(),
    "a time that never ends": json.dumps(webhook("AWB1", 5, T0) | {"timestamp": "2026-11-01 " * 90_000}).encode(),
    "a remark of a million NULs": json.dumps(webhook("AWB1", 5, T0) | {"remark": "\x00" * 160_000}).encode(),
    "one key a hundred thousand times": b'{"waybill":"AWB1",' + b'"a":1,' * 100_000 + b'"clickpost_status_code":5}',
    "a list of nothing": b"[" + b"{}," * 300_000 + b"{}]",
    "a list of one waybill": b"[" + b",".join([b'{"waybill":"AWB1","clickpost_status_code":5}'] * 20_000) + b"]",
    "scans by the thousand": many_scans(8_000),
    "scans of the future": many_scans(6_000, timestamp="2100-01-01"),
    "scans without a code": many_scans(9_000, clickpost_status_code=None),
    "scans with ids": b'{"waybill":"AWB1","scans":['
    + b",".join(b'{"clickpost_status_code":5,"timestamp":"2026-11-01","checkpoint_id":%d}' % n for n in range(8_000))
    + b"]}",
}


@sqlite_only
@pytest.mark.parametrize("kind", list(HUGE))
async def test_bodies_built_to_be_slow_are_not(store: Store, kind: str) -> None:
    assert len(HUGE[kind]) < 1024 * 1024
    async with web_on(store, served=True) as web:
        await a_shipment(store)
        started = time.process_time()
        answer = await web.http.post(PATH, content=HUGE[kind], headers=RIGHT)
        assert answer.status_code in (200, 400)
        assert time.process_time() - started < 2, "ClickPost hangs up after about 2 s"
        await apply_all(web)
        assert time.process_time() - started < 15, "quadratic work would take minutes"
