"""Webhook registration, bodies and delivery."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from awbridge.sandbox import Faults, Sandbox, SandboxConfig, running
from awbridge.sandbox.webhooks.bodies import VARIANTS
from tests.sandbox.helpers import Receiver, code_of, merchant, only, place, receiver, settled, until

pytestmark = pytest.mark.heavy

INDIA = timezone(timedelta(hours=5, minutes=30))
REGISTER = "/api/v1/tracking/register-webhook/"
REGISTRATION = {"service_id": 2, "key": "sandbox-key", "webhook_url": "http://127.0.0.1:9/a"}


def config_for(hook: Receiver, **changes: Any) -> SandboxConfig:
    plain = {"missing_locations": 0, "older_time_stamps": 0}
    return SandboxConfig(webhook_url=hook.url, webhook_pause_seconds=0.01, **{**plain, **changes})


async def _run(sandbox: Sandbox, count: int, **details: Any) -> None:
    async with merchant(sandbox) as http:
        for number in range(count):
            assert code_of(await place(http, f"H-{number}", **details)) == 200
    await sandbox.finish()
    await settled(sandbox)


async def test_post_registers_and_put_changes_the_address() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.put(REGISTER, json=REGISTRATION)) == 327
        first = (await http.post(REGISTER, json=REGISTRATION)).json()
        assert (first["status_code"], first["success"]) == (200, True)
        assert code_of(await http.post(REGISTER, json=REGISTRATION)) == 305
        changed = (await http.put(REGISTER, json=REGISTRATION | {"webhook_url": "http://127.0.0.1:9/b"})).json()
        assert changed["webhook_key"] == first["webhook_key"]
        assert sandbox.webhooks.url == "http://127.0.0.1:9/b"


@pytest.mark.parametrize(
    ("change", "code"),
    [({"key": "x"}, 301), ({"webhook_url": ""}, 400), ({"webhook_url": "https://example.com/"}, 400)],
)
async def test_an_invalid_registration_is_rejected(change: dict[str, str], code: int) -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.post(REGISTER, json=REGISTRATION | change)) == code
        assert sandbox.webhooks.url is None


async def test_an_account_without_the_service_returns_306() -> None:
    async with running(SandboxConfig(entitled_to_webhooks=False)) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.post(REGISTER, json=REGISTRATION)) == 306


async def test_every_scan_arrives_once_under_the_registered_key() -> None:
    async with receiver() as hook, running(config_for(hook, webhook_variants={"all_statuses": 1})) as sandbox:
        await _run(sandbox, 10)
        expected = [scan for shipment in sandbox.registry.orders.values() for scan in shipment.scans]
        assert sorted(map(_identity, hook.bodies)) == sorted(
            (scan.waybill, scan.code, scan.scanned_at, scan.status, scan.location) for scan in expected
        )
        assert {headers["webhook_key"] for headers in hook.headers} == {sandbox.webhooks.key}
        assert sandbox.webhooks.counts.acknowledged == len(expected) == sandbox.webhooks.counts.sent
        rows = [scan for order in sandbox.ledger()["orders"] for scan in order["scans"]]
        assert [scan["webhooks_acknowledged"] for scan in rows] == [1] * len(expected)


@pytest.mark.parametrize("location", ["webhook_key", "bearer"])
async def test_the_key_is_sent_after_host_or_before_it(location: Any) -> None:
    name = "webhook_key" if location == "webhook_key" else "authorization"
    orders: list[list[str]] = []
    for first in (False, True):
        async with (
            receiver() as hook,
            running(config_for(hook, webhook_key_first=first, webhook_key_in=location)) as sandbox,
        ):
            assert await sandbox.webhooks.post(hook.url, {"a": 1}) == 200
            hook.statuses = [503]
            assert await sandbox.webhooks.post(f"{hook.url}?b=c", {"a": 1}) == 503
            assert await sandbox.webhooks.post("http://127.0.0.1:1/", {}) is None
            assert hook.bodies == [{"a": 1}] * 2
            orders.append([header for header in hook.headers[0] if header in ("host", name)])
    assert orders == [["host", name], [name, "host"]]


def _identity(body: Mapping[str, Any]) -> tuple[Any, ...]:
    code = int(body["clickpost_status_code"])
    return str(body["waybill"]), code, _seconds(body["timestamp"]), body["status"], body["location"]


def _seconds(timestamp: str) -> float:
    """Epoch seconds of a timestamp in any format: Indian time, whether or not it ends with Z."""
    plain = timestamp.replace("T", " ").replace(": ", ":").rstrip("Z").partition(".")[0]
    return datetime.strptime(plain, "%Y-%m-%d %H:%M:%S").replace(tzinfo=INDIA).timestamp()


async def test_all_timestamp_formats_and_odd_values_occur() -> None:
    async with receiver() as hook, running(config_for(hook, odd_values=0.5)) as sandbox:
        await _run(sandbox, 40)
        bodies = [body for body in hook.bodies if "timestamp" in body]
        timestamps = [body["timestamp"] for body in bodies]
        for mark in (": ", ".000000Z", ".000"):
            assert any(mark in timestamp for timestamp in timestamps), mark
        assert any(timestamp.endswith("Z") and "." not in timestamp for timestamp in timestamps)
        assert any("T" not in timestamp for timestamp in timestamps)
        for name, kinds in {"waybill": {int, str}, "clickpost_status_code": {int, str}, "cp_id": {int, str}}.items():
            assert {type(body[name]) for body in bodies if name in body} == kinds, name
        assert {type(body["additional"]["is_rvp"]) for body in bodies} == {bool, str}
        cities = [body.get("clickpost_city", "missing") for body in bodies]
        assert {None, "", "missing"} <= set(cities)
        share = sum("order_status_id" in body for body in bodies) / len(bodies)
        assert 0.35 < share < 0.65
        assert any("latest_time_stamp" in body for body in bodies)


def _locations(body: Mapping[str, Any]) -> tuple[Any, Any]:
    """Locations of the scan and of latest_status, in a body that contains the scan twice."""
    latest = body.get("latest_status") or body.get("additional", {}).get("latest_status") or {}
    own = body["scans"][0] if "scans" in body else body
    return own.get("location"), latest.get("location")


@pytest.mark.parametrize("variant", ["all_statuses", "track_order"])
async def test_a_scan_contained_twice_can_lack_one_location(variant: Any) -> None:
    async with receiver() as hook:
        config = config_for(hook, missing_locations=1, webhook_variants={variant: 1}, weights=only("delivered"))
        async with running(config) as sandbox:
            await _run(sandbox, 20)
            latest = [body for body in hook.bodies if _is_of_latest(body)]
            assert len(latest) >= 20
            for body in latest:
                assert sorted(map(bool, _locations(body))) == [False, True], body
            missing = [min(_locations(body), key=bool) for body in latest]
            assert {None, ""} <= set(missing)
            assert {bool(_locations(body)[0]) for body in latest} == {True, False}, "either location can be missing"


def _is_of_latest(body: Mapping[str, Any]) -> bool:
    latest = body.get("latest_status") or body["additional"]["latest_status"]
    own = body["scans"][0] if "scans" in body else body
    return (int(own["clickpost_status_code"]), _seconds(own["timestamp"])) == (
        int(latest["clickpost_status_code"]),
        _seconds(latest["timestamp"]),
    )


async def test_latest_time_stamp_can_be_older_than_the_latest_status() -> None:
    async with receiver() as hook:
        config = config_for(hook, older_time_stamps=1, webhook_variants={"all_statuses": 1})
        async with running(config) as sandbox:
            await _run(sandbox, 40)
            ages = {
                _seconds(body["additional"]["latest_status"]["timestamp"]) - _seconds(body["latest_time_stamp"])
                for body in hook.bodies
                if "latest_time_stamp" in body
            }
            assert ages == {3600, 6 * 3600, 30 * 3600, 3 * 86400}


async def test_every_body_variant_is_produced() -> None:
    async with receiver() as hook, running(config_for(hook)) as sandbox:
        await _run(sandbox, 40)
        async with merchant(sandbox) as http:
            for number in range(4):
                await place(http, f"RVP-{number}", delivery_type="RVP", rvp_reason="Too small", courier_partner=25)
        await sandbox.finish()
        await settled(sandbox)
        assert {_variant(body) for body in hook.bodies} == set(VARIANTS)


def _variant(body: Mapping[str, Any]) -> str:
    if "scans" in body:
        assert "waybill" not in body
        assert body["latest_status"]["reference_number"]
        return "track_order"
    additional = body["additional"]
    if "forward_awb" in additional:
        assert str(additional["is_rvp"]).lower() == "true"
        return "returns"
    if "notification_event_id" in body:
        return "selected_events_top"
    if "notification_event_id" in additional:
        return "selected_events"
    complete = {"cp_id", "account_code", "clickpost_city"} <= body.keys()
    return "all_statuses" if complete and {"order_id", "latest_status"} <= additional.keys() else "all_statuses_old"


async def test_a_failing_webhook_is_attempted_three_times_and_then_discarded() -> None:
    async with receiver() as hook:
        hook.statuses = [500] * 3 + [404, 503]
        config = config_for(
            hook, webhook_workers=1, weights=only("expired"), odd_values=0, webhook_variants={"all_statuses": 1}
        )
        async with running(config) as sandbox, merchant(sandbox) as http:
            await place(http, "H-0")
            shipment = sandbox.registry.orders["H-0"]
            await until(lambda: sandbox.webhooks.counts.failed == 1)
            assert len(hook.bodies) == 3
            assert hook.bodies[0] == hook.bodies[1] == hook.bodies[2]
            assert sandbox.state()["queued_webhooks"] == 0
            sandbox.webhooks.enqueue_scan(shipment, shipment.scans[0])
            await until(lambda: sandbox.webhooks.counts.acknowledged == 1)
            assert len(hook.bodies) == 6
            assert sandbox.webhooks.counts.sent == 6


async def test_an_unreachable_receiver_gets_three_attempts_per_webhook() -> None:
    config = SandboxConfig(webhook_url="http://127.0.0.1:9/nobody", webhook_pause_seconds=0.01)
    async with running(config) as sandbox:
        await _run(sandbox, 5)
        scans = sum(len(shipment.scans) for shipment in sandbox.registry.orders.values())
        assert sandbox.webhooks.counts.failed == scans
        assert sandbox.webhooks.counts.sent == 3 * scans


async def test_bulk_webhooks_have_their_own_status_and_share_the_latest() -> None:
    async with receiver() as hook:
        variants = {"all_statuses": 1}
        bulk = config_for(hook, odd_values=0, webhook_variants=variants, faults=Faults(bulk_webhooks=1))
        async with running(bulk) as sandbox:
            await _run(sandbox, 8)
            groups: dict[tuple[Any, ...], list[int]] = {}
            for body in hook.bodies:
                latest = body["additional"]["latest_status"]
                key = (body["waybill"], latest["clickpost_status_code"], _seconds(latest["timestamp"]))
                groups.setdefault(key, []).append(int(_seconds(body["timestamp"])))
            scans = sum(len(shipment.scans) for shipment in sandbox.registry.orders.values())
            assert len(hook.bodies) == scans
            assert any(len(times) >= 2 for times in groups.values())
            assert all(len(times) <= 5 and len(set(times)) == len(times) for times in groups.values())
            assert all(max(times) == key[2] for key, times in groups.items())


async def test_duplicate_webhooks_arrive_twice_and_dropped_ones_never() -> None:
    async with receiver() as hook, running(config_for(hook, faults=Faults(duplicate_webhooks=1))) as sandbox:
        await _run(sandbox, 3)
        scans = sum(len(shipment.scans) for shipment in sandbox.registry.orders.values())
        assert len(hook.bodies) == 2 * scans
        sandbox.faults = Faults(dropped_webhooks=1)
        async with merchant(sandbox) as http:
            await place(http, "gone")
        await sandbox.finish()
        await settled(sandbox)
        assert len(hook.bodies) == 2 * scans
        assert sandbox.webhooks.counts.dropped == len(sandbox.registry.orders["gone"].scans)


async def test_shuffled_webhooks_arrive_out_of_order_and_late_ones_late() -> None:
    plain = {"odd_values": 0, "webhook_variants": {"all_statuses": 1}}
    shuffled = Faults(shuffled_webhooks=1, shuffle_seconds=0.2)
    async with receiver() as hook, running(config_for(hook, faults=shuffled, **plain)) as sandbox:
        await _run(sandbox, 2)
        times = [_seconds(body["timestamp"]) for body in hook.bodies if body["waybill"] == hook.bodies[0]["waybill"]]
        assert times != sorted(times)
        sandbox.faults = Faults(late_webhooks=1, late_seconds=1.0)
        before = len(hook.bodies)
        async with merchant(sandbox) as http:
            await place(http, "late")
        await sandbox.finish()
        assert sandbox.state()["queued_webhooks"] == len(sandbox.registry.orders["late"].scans)
        assert len(hook.bodies) == before
        await settled(sandbox)
        assert len(hook.bodies) > before


async def test_no_webhooks_are_sent_without_registration() -> None:
    async with running(SandboxConfig()) as sandbox:
        await _run(sandbox, 2)
        counts = sandbox.webhooks.counts
        assert (counts.sent, counts.without_address > 0) == (0, True)


async def test_the_test_webhook_is_sent() -> None:
    async with receiver() as hook, running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        payload = {"test_url": hook.url, "test_data": {"waybill": "1", "hello": "world"}}
        assert code_of(await http.post("/api/v1/test_webhook", json=payload)) == 200
        assert hook.bodies == [{"waybill": "1", "hello": "world"}]
        assert hook.headers[0]["webhook_key"] == sandbox.webhooks.key
        hook.statuses = [500]
        assert code_of(await http.post("/api/v1/test_webhook", json=payload)) == 400
        outside = payload | {"test_url": "http://192.0.2.1/"}
        assert code_of(await http.post("/api/v1/test_webhook", json=outside)) == 400
