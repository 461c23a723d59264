"""Faults by probability, by injection and by period."""

import asyncio
import logging
import time
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from awbridge.sandbox import DowntimeWindow, Faults, SandboxConfig, running
from awbridge.sandbox.config import FaultKind
from tests.sandbox.helpers import CREATE, code_of, merchant, order, place, until

pytestmark = pytest.mark.heavy


def always(**faults: Any) -> SandboxConfig:
    return SandboxConfig(odd_answers=0, faults=Faults(**faults))


@pytest.mark.parametrize(("fault", "statuses"), [("http_500", {500}), ("http_503", {503}), ("rate_limited", {429})])
async def test_http_errors_place_no_order(fault: str, statuses: set[int]) -> None:
    async with running(always(**{fault: 1})) as sandbox, merchant(sandbox) as http:
        assert (await place(http, "F-1")).status_code in statuses
        assert sandbox.orders_created == 0


async def test_a_rate_limited_response_has_retry_after() -> None:
    async with running(always(rate_limited=1, retry_after_seconds=3)) as sandbox, merchant(sandbox) as http:
        assert (await place(http, "F-1")).headers["retry-after"] == "3"


async def test_bodies_can_be_html_or_empty_even_with_200() -> None:
    html, empty = set[int](), set[int]()
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        for number in range(30):
            sandbox.inject_fault("html_body")
            response = await place(http, f"H-{number}")
            assert response.text.startswith("<html>")
            html.add(response.status_code)
            sandbox.inject_fault("empty_body")
            response = await place(http, f"E-{number}")
            assert response.content == b""
            empty.add(response.status_code)
        assert sandbox.orders_created == 0
    assert html == empty == {200, 500, 502, 504}


@pytest.mark.parametrize(("fault", "created", "code"), [("cut_after_placing", 1, 323), ("cut_before_placing", 0, 200)])
async def test_an_order_whose_connection_is_cut_is_placed_or_not(
    caplog: pytest.LogCaptureFixture, fault: FaultKind, created: int, code: int
) -> None:
    with caplog.at_level(logging.WARNING):
        async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
            sandbox.inject_fault(fault)
            with pytest.raises(httpx2.TransportError):
                await place(http, "C-1")
            assert sandbox.orders_created == created
            assert code_of(await place(http, "C-1")) == code
            assert sandbox.orders_created == 1
    assert caplog.records == []


async def test_cut_connections_under_load_place_no_order_twice() -> None:
    async with running(always(cut_after_placing=0.3, cut_before_placing=0.2)) as sandbox, merchant(sandbox) as http:

        async def push(reference: str) -> int:
            for tries in range(1, 40):
                try:
                    assert code_of(await place(http, reference)) in (200, 323)
                except httpx2.TransportError:
                    continue
                return tries
            raise AssertionError("never placed")

        tries = await asyncio.gather(*[push(f"L-{n}") for n in range(60)])
        assert sum(tries) > 60
        assert sandbox.orders_created == 60
        assert sum(sandbox.registry.create_calls.values()) == sum(tries)


async def test_a_slow_response_is_delayed_but_correct() -> None:
    async with running(always(slow=1, slow_seconds=0.15)) as sandbox, merchant(sandbox) as http:
        began = time.monotonic()
        assert code_of(await place(http, "S-1")) == 200
        assert time.monotonic() - began >= 0.15


async def test_a_client_timeout_on_a_slow_response_leaves_the_order_placed() -> None:
    async with running(SandboxConfig(faults=Faults(slow_seconds=1.0))) as sandbox, merchant(sandbox) as http:
        sandbox.inject_fault("slow")
        with pytest.raises(httpx2.TimeoutException):
            await http.post(CREATE, json=order("S-1"), timeout=httpx2.Timeout(30, read=0.05))
        await until(lambda: sandbox.orders_created == 1)
        assert code_of(await place(http, "S-1")) == 323


async def test_error_codes_occur_with_their_probability() -> None:
    async with running(always(error_codes={329: 0.5, 319: 0.25})) as sandbox, merchant(sandbox) as http:
        codes = [code_of(await place(http, f"P-{n}")) for n in range(120)]
        assert set(codes) == {200, 319, 329}
        assert codes.count(329) > codes.count(319) > 5
        assert sandbox.orders_created == codes.count(200)


async def test_a_courier_in_downtime_fails_alone_and_recovers() -> None:
    span = DowntimeWindow(courier_partner_id=4, from_second=0, to_second=2.0)
    async with running(always(downtime=[span])) as sandbox, merchant(sandbox) as http:
        assert code_of(await place(http, "D-1")) in (319, 322, 329)
        assert code_of(await place(http, "D-2", courier_partner=6)) == 200
        await asyncio.sleep(2.0)
        assert code_of(await place(http, "D-1")) == 200


async def test_courier_errors_do_not_affect_a_placed_order() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        await place(http, "K-1")
        sandbox.faults = Faults(error_codes={329: 1})
        assert code_of(await place(http, "K-1")) == 323
        assert code_of(await place(http, "K-2")) == 329


async def test_an_injected_fault_waits_for_its_reference_number() -> None:
    async with running(SandboxConfig(odd_answers=0)) as sandbox, merchant(sandbox) as http:
        sandbox.inject_fault("error_code", code=316, times=2, reference_number="B")
        codes = [code_of(await place(http, reference)) for reference in ("A", "B", "B", "B")]
        assert codes == [200, 316, 316, 200]


async def test_poll_faults_affect_the_polling_endpoints() -> None:
    window = {"start_date": 0, "end_date": 60}
    async with running(always(poll_http_500=1)) as sandbox, merchant(sandbox) as http:
        assert (await http.get("/api/v1/updated-order", params=window)).status_code == 500
        assert (await http.get("/api/v2/track-order", params={"waybill": "1", "cp_id": 4})).status_code == 500
        sandbox.faults = Faults(poll_rate_limited=1)
        limited = await http.get("/api/v1/updated-order", params=window)
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "1")


async def test_a_cancellation_can_be_delayed() -> None:
    config = always(cancel_later=1, cancel_later_seconds=1.0)
    async with running(config) as sandbox, merchant(sandbox) as http:
        waybill = (await place(http, "A-1")).json()["result"]["waybill"]
        accepted = await http.get("/api/v1/cancel-order/", params={"waybill": waybill, "cp_id": 4})
        assert accepted.status_code == 202
        assert not sandbox.registry.orders["A-1"].cancelled
        await until(lambda: sandbox.registry.orders["A-1"].cancelled)


async def test_a_cancellation_can_never_happen_and_a_repeated_one_can_return_deleted() -> None:
    async with running(always(cancel_never=1)) as sandbox, merchant(sandbox) as http:
        where = {"waybill": (await place(http, "A-1")).json()["result"]["waybill"], "cp_id": 4}
        for _ in range(2):
            assert (await http.get("/api/v1/cancel-order/", params=where)).status_code == 202
        assert not sandbox.registry.orders["A-1"].cancelled
        sandbox.faults = Faults(cancel_deleted=1)
        assert (await http.get("/api/v1/cancel-order/", params=where)).status_code == 200
        again = await http.get("/api/v1/cancel-order/", params=where)
        assert (again.status_code, again.json()["meta"]["status"]) == (400, 400)
        assert "already in a deleted state" in again.json()["meta"]["message"]


async def test_a_silent_cancellation_is_reported_only_if_clickpost_sets_the_status() -> None:
    async with running(always(cancel_silent=1)) as sandbox, merchant(sandbox) as http:
        for reference, flag in (("A-1", {}), ("A-2", {"manually_update_status": "True"})):
            where = {"waybill": (await place(http, reference)).json()["result"]["waybill"], "cp_id": 4}
            response = await http.get("/api/v1/cancel-order/", params=where | flag)
            assert response.json()["meta"]["status"] in (200, 600)
        await sandbox.finish()
        silent, reported = sandbox.registry.orders["A-1"], sandbox.registry.orders["A-2"]
        assert (silent.cancelled, [scan.code for scan in silent.scans].count(10)) == (True, 0)
        assert (reported.cancelled, reported.scans[-1].code) == (True, 10)


async def _run_with_faults(seed: int, references: list[str]) -> dict[str, list[Any]]:
    faults = Faults(http_500=0.2, rate_limited=0.1, cut_before_placing=0.2, error_codes={329: 0.2}, async_orders=0.2)
    seen_by: dict[str, list[Any]] = {}
    async with running(SandboxConfig(seed=seed, faults=faults)) as sandbox, merchant(sandbox) as http:
        for reference in references:
            for _ in range(4):
                try:
                    response = await place(http, reference)
                    seen: Any = code_of(response) if response.status_code == 200 else response.status_code
                except httpx2.TransportError:
                    seen = "cut"
                seen_by.setdefault(reference, []).append(seen)
    return seen_by


async def test_the_same_seed_repeats_every_fault_whatever_the_order_of_calls() -> None:
    references = [f"R-{n}" for n in range(25)]
    first = await _run_with_faults(7, references)
    assert await _run_with_faults(7, references[::-1]) == first
    assert await _run_with_faults(8, references) != first


def test_faults_can_be_parsed_from_the_command_line() -> None:
    faults = Faults.from_pairs(["http_500=0.1", " 329 = 0.2", "slow_seconds=4"])
    assert (faults.http_500, faults.error_codes, faults.slow_seconds) == (0.1, {329: 0.2}, 4)
    with pytest.raises(ValueError, match="name=probability"):
        Faults.from_pairs(["http_500"])


@pytest.mark.parametrize("wrong", [{"http_500": 1.5}, {"error_codes": {1: 0.6, 2: 0.6}}, {"htp_500": 0.1}])
def test_invalid_faults_are_rejected(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Faults.model_validate(wrong)


async def test_an_order_held_by_the_courier_is_unknown_to_clickpost() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        sandbox.inject_fault("held_by_courier")
        assert code_of(await place(http, "K-1")) == 329
        for _ in range(8):
            again = (await place(http, "K-1")).json()
            assert again["meta"].get("status", again["meta"].get("status_code")) == 319
            assert "Error In Order Placing To Courier Partner: " in again["meta"]["message"]
            assert again.get("reference_number", "K-1") == "K-1"
        assert code_of(await http.get(CREATE, params={"reference_number": "K-1"})) == 330
        assert code_of(await place(http, "K-1", courier_partner=5)) == 200, "another courier does not know it"
        [kept] = sandbox.ledger()["at_courier"]  # pyright: ignore[reportGeneralTypeIssues]
        assert (kept["reference_number"], kept["cp_id"]) == ("K-1", 4)


async def test_fetching_by_reference_can_be_disabled() -> None:
    async with running(SandboxConfig(fetch_by_reference=False)) as sandbox, merchant(sandbox) as http:
        waybill = (await place(http, "D-1")).json()["result"]["waybill"]
        response = await http.get(CREATE, params={"reference_number": "D-1"})
        assert (response.status_code, response.json()) == (400, {})
        assert code_of(await http.get(CREATE, params={"awb": waybill, "cp_id": "4"})) == 200


@pytest.mark.parametrize(("first", "code"), [(True, 315), (False, 323)])
async def test_payload_validation_can_precede_the_reference_lookup(first: bool, code: int) -> None:
    async with running(SandboxConfig(payload_before_reference=first)) as sandbox, merchant(sandbox) as http:
        assert code_of(await place(http, "B-1")) == 200
        assert code_of(await place(http, "B-1", order_type="COD")) == code
