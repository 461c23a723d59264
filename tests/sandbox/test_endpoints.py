"""Every endpoint is documented, counted, requires the key, and accepts injected faults."""

import re
from pathlib import Path

import httpx2
import pytest

from awbridge.sandbox import Faults, SandboxConfig, running
from awbridge.sandbox.app import ENDPOINTS
from tests.sandbox.helpers import code_of, merchant, place

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "operate" / "sandbox.md").read_text(encoding="utf-8")
VENDOR = [(method, path, ways[method].name) for path, ways in ENDPOINTS.items() for method in ways if ways[method].name]
OPEN = {"login": 400, "download_report": 403, "download_label": 403}
"""Endpoints that take no key, and the HTTP status that they return in this test."""


def test_every_endpoint_is_documented() -> None:
    documented = set(re.findall(r"^\| (GET|POST|PUT) `(\S+?)/?` \| `(\w+)` \|", PAGE, re.MULTILINE))
    assert documented == set(VENDOR)


@pytest.mark.parametrize(("method", "path", "name"), VENDOR)
async def test_a_call_with_a_wrong_key_is_rejected_and_counted(method: str, path: str, name: str) -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        http.params = {"username": "sandbox", "user_name": "sandbox", "key": "wrong"}
        response = await http.request(method, path + "/", json={"key": "wrong"})
        if name in OPEN:
            assert response.status_code == OPEN[name]
        else:
            assert code_of(response) == 301
        assert (await http.get("/_sandbox/ledger")).json()["calls"] == {name: 1}


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        ("http_500", {500}),
        ("http_503", {503}),
        ("rate_limited", {429}),
        ("html_body", {200, 500, 502, 504}),
        ("empty_body", {200, 500, 502, 504}),
        ("error_code", {200}),
    ],
)
async def test_a_fault_can_be_injected_into_any_endpoint(kind: str, statuses: set[int]) -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        payload = {"kind": kind, "times": 2, "endpoint": "drop_pincodes", "code": 322}
        assert (await http.post("/_sandbox/faults/once", json=payload)).status_code == 200
        assert code_of(await http.get("/api/v1/fetch-accounts")) == 200
        responses = [await http.get("/api/v1/serviceable_drop_pincode/") for _ in range(3)]
        assert {response.status_code for response in responses[:2]} <= statuses
        assert "result" not in responses[0].text or responses[0].status_code == 500
        if kind == "error_code":
            assert code_of(responses[0]) == 322
        assert code_of(responses[2]) == 200
        assert sandbox.calls["drop_pincodes"] == 3


async def test_any_endpoint_can_cut_the_connection_before_or_after_its_effect() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        body = {"waybill": "ELSE-1", "courier_partner": 4}
        sandbox.inject_fault("cut_before_placing", endpoint="register_waybill")
        with pytest.raises(httpx2.TransportError):
            await http.post("/api/v3/tracking/awb-register/", json=body)
        assert not sandbox.registry.shipments
        sandbox.inject_fault("cut_after_placing", endpoint="register_waybill")
        with pytest.raises(httpx2.TransportError):
            await http.post("/api/v3/tracking/awb-register/", json=body)
        assert code_of(await http.post("/api/v3/tracking/awb-register/", json=body)) == 303


async def test_a_fault_injected_into_create_order_respects_the_reference_number() -> None:
    async with running(SandboxConfig(odd_answers=0)) as sandbox, merchant(sandbox) as http:
        payload = {"kind": "error_code", "code": 319, "endpoint": "create_order", "reference_number": "A-2"}
        await http.post("/_sandbox/faults/once", json=payload)
        assert [code_of(await place(http, reference)) for reference in ("A-1", "A-2", "A-2")] == [200, 319, 200]


@pytest.mark.parametrize(
    "payload",
    [
        {"kind": "http_500", "endpoint": "earthquake"},
        {"kind": "dropped_webhooks", "endpoint": "login"},
        {"kind": "http_500", "endpoint": "login", "reference_number": "A-1"},
    ],
)
async def test_an_invalid_fault_request_is_rejected(payload: dict[str, str]) -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        assert (await http.post("/_sandbox/faults/once", json=payload)).status_code == 422
        assert not sandbox.fault_injector.pending


@pytest.mark.parametrize(("fault", "status"), [("other_http_500", 500), ("other_rate_limited", 429)])
async def test_other_faults_affect_all_remaining_endpoints(fault: str, status: int) -> None:
    async with running(SandboxConfig(faults=Faults(**{fault: 1}))) as sandbox, merchant(sandbox) as http:
        assert (await http.get("/api/v2/pincode_details/")).status_code == status
        assert (await place(http, "A-1")).status_code == 200
        assert (await http.get("/healthz")).status_code == 200
