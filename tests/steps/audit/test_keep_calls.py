"""Record: failed calls that no step keeps are written down, none in silence lost, and nobody waits for it."""

from __future__ import annotations

import dataclasses

import pytest

from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.domain.errors import StoreBusy, VendorError
from awbridge.steps.audit.keep_calls import BATCH, CallRecorder
from awbridge.store import Store
from tests.support.evidence_rows import call, good_call
from tests.support.rows import T0, count, fetch
from tests.support.world import SetClock, TrippingStore


def recorder(capacity: int = 1000) -> CallRecorder:
    return CallRecorder(SetClock(), kept_elsewhere={"create-order"}, capacity=capacity)


async def test_a_failed_call_that_no_step_keeps_becomes_an_attempt(store: Store) -> None:
    hook = recorder()
    hook(call(None, api="fetch-accounts", business_status=301))
    assert await hook.flush(store) == 1
    assert await hook.flush(store) == 0
    (row,) = await fetch(store, "SELECT api, outcome, reference_number, business_status, made_at FROM attempts")
    assert row == {
        "api": "fetch-accounts",
        "outcome": "failed",
        "reference_number": None,
        "business_status": 301,
        "made_at": T0,
    }


async def test_good_calls_and_those_that_a_step_keeps_are_left_alone(store: Store) -> None:
    hook = recorder()
    hook(good_call(api="fetch-accounts"))
    hook(call(api="create-order"))
    assert await hook.flush(store) == 0


async def test_on_request_good_calls_are_kept_too_each_by_one(store: Store) -> None:
    hook = CallRecorder(
        SetClock(), kept_elsewhere={"create-order", "track-order"}, kept_whole={"create-order"}, all_calls=True
    )
    for made in (good_call(api="fetch-accounts"), good_call(api="track-order"), good_call(api="create-order")):
        hook(made)
    for made in (call(api="track-order"), call(api="create-order"), call(api="fetch-accounts")):
        hook(made)
    assert await hook.flush(store) == 3
    rows = await fetch(store, "SELECT api, outcome FROM attempts ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [
        ("fetch-accounts", "done"),
        ("track-order", "done"),
        ("fetch-accounts", "failed"),
    ]


async def test_what_does_not_fit_is_counted(store: Store) -> None:
    hook = recorder(capacity=2)
    for _ in range(5):
        hook(call(None, api="fetch-accounts"))
    assert hook.dropped == 3
    assert await hook.flush(store) == 2


async def test_while_the_database_is_away_calls_wait(store: Store) -> None:
    hook = recorder()
    hook(call(None, api="fetch-accounts"))
    with pytest.raises(StoreBusy):
        await hook.flush(TrippingStore(store, busy=lambda _: True).as_store)
    assert await hook.flush(store) == 1
    assert await count(store, "attempts") == 1


async def test_one_call_that_the_database_refuses_does_not_hold_up_the_rest(store: Store) -> None:
    hook = recorder()
    bad = call(None, api="fetch-accounts", error="poison")
    for one in (bad, dataclasses.replace(bad, error="fine")):
        hook(one)
    await hook.flush(TrippingStore(store, marker="poison").as_store)
    assert hook.dropped == 1
    assert [row["error"] for row in await fetch(store, "SELECT error FROM attempts")] == ["fine"]
    assert await hook.flush(store) == 0


async def test_many_calls_go_in_batches(store: Store) -> None:
    hook = recorder()
    for _ in range(BATCH + 1):
        hook(call(None, api="fetch-accounts"))
    assert [await hook.flush(store) for _ in range(3)] == [BATCH, 1, 0]


async def test_the_client_tells_the_recorder_of_a_call_that_found_nobody(store: Store) -> None:
    hook = recorder()
    async with AsyncClickPost(username="u", key="very-secret", url="http://127.0.0.1:9", on_call=hook) as client:
        with pytest.raises(VendorError):
            await client.fetch_accounts()
    await hook.flush(store)
    (row,) = await fetch(store, "SELECT api, url, error, packed_call FROM attempts")
    assert row["error"]
    assert "very-secret" not in str(row)
