"""Requests to subscribers: which addresses they reach, and what is stored of a response."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from awbridge.sinks.addresses import read_networks
from awbridge.sinks.outgoing import LONGEST_RESPONSE, EventSender
from tests.support.receivers import http_server, ok
from tests.support.rows import T0
from tests.support.tls import server_context

pytestmark = pytest.mark.heavy

SECRETS = ("whsec_" + "A" * 43 + "=",)


async def test_dns_rebinding_has_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    true = socket.getaddrinfo

    def rebound(host: Any, *more: Any, **kinds: Any) -> Any:
        if host != "erp.example":
            return true(host, *more, **kinds)
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"  # where no server listens
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    async with http_server() as receiver, EventSender(allowed=read_networks(["127.0.0.1"]), timeout=30.0) as sender:
        url = f"http://erp.example:{receiver.port}/hook"
        response = await sender.post(url, "{}", key="evt_1", secrets=SECRETS, now=T0)
        again = await sender.post(url, "{}", key="evt_1", secrets=SECRETS, now=T0)
    assert response.problem is None
    assert again.refused, "the next delivery resolves the name again and sees its new address"
    assert [r.headers["host"] for r in receiver.requests] == [f"erp.example:{receiver.port}"]
    assert len(asked) == 2, "the name is resolved once per delivery: the checked address is the one connected to"


async def test_over_https_the_certificate_must_match_the_host_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = server_context(tmp_path, monkeypatch)
    true = socket.getaddrinfo

    def here(host: Any, *more: Any, **kinds: Any) -> Any:
        return true("127.0.0.1" if str(host).endswith(".example") else host, *more, **kinds)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    networks = read_networks(["127.0.0.0/8"])
    async with http_server(context) as receiver, EventSender(allowed=networks, timeout=30.0) as sender:
        for host, well in (("erp.example", True), ("other.example", False)):
            url = f"https://{host}:{receiver.port}/hook"
            answer = await sender.post(url, "{}", key="evt_1", secrets=SECRETS, now=T0)
            assert (answer.problem is None) is well, answer
            assert not answer.refused
    assert [r.headers["host"] for r in receiver.requests] == [f"erp.example:{receiver.port}"]


async def test_the_beginning_of_a_response_is_kept_with_personal_data_masked() -> None:
    async with (
        http_server() as receiver,
        EventSender(allowed=read_networks(["127.0.0.0/8"]), timeout=30.0) as sender,
    ):
        words = '{"error": "no such\\n customer", "phone": "+919000000001", "mail": "asha@example.com"}'
        receiver.respond = lambda _: ok("422 No", words + "x" * 100_000)
        answer = await sender.post(receiver.url, "{}", key="evt_1", secrets=SECRETS, now=T0)
    assert answer.problem is not None
    assert answer.problem.startswith('HTTP 422: {"error": "no such')
    assert "9000000001" not in answer.problem
    assert "asha@" not in answer.problem
    assert len(answer.problem) < LONGEST_RESPONSE + 20


async def test_a_phone_number_at_the_cut_is_masked_completely() -> None:
    async with (
        http_server() as receiver,
        EventSender(allowed=read_networks(["127.0.0.0/8"]), timeout=30.0) as sender,
    ):
        receiver.respond = lambda _: ok("422 No", "x" * (LONGEST_RESPONSE - 8) + " +919000000001")
        answer = await sender.post(receiver.url, "{}", key="evt_1", secrets=SECRETS, now=T0)
    assert answer.problem is not None
    assert "9000" not in answer.problem
