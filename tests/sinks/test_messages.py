"""Message services through apprise, against a real HTTP server."""

from __future__ import annotations

import json
import logging

import pytest

from awbridge.domain.errors import SettingsError
from awbridge.domain.notices import MaybeSent, Message, NotSent, Sent
from awbridge.sinks.messages import Messages, fill
from tests.support.postgres import free_port
from tests.support.receivers import http_server, ok

MESSAGE = Message(key="notice-7", to="+919000000001", text="Hello", dlt_template_id="1107160000000000001")


async def test_the_places_of_a_url_are_filled_in_and_quoted() -> None:
    url = "msg91://{dlt_template_id}@key/{to_digits}?:name={key}&x={to}&l={language}"
    assert fill(url, MESSAGE) == "msg91://1107160000000000001@key/919000000001?:name=notice-7&x=%2B919000000001&l=en"


async def test_a_message_arrives_and_is_repeatable_where_its_key_does(caplog: pytest.LogCaptureFixture) -> None:
    async with http_server() as gateway:
        service = Messages(f"json://127.0.0.1:{gateway.port}/{{to_digits}}?+Idempotency-Key={{key}}")
        with caplog.at_level(logging.DEBUG):
            assert await service.send(MESSAGE) == Sent()
    (request,) = gateway.requests
    assert json.loads(request.body)["message"] == "Hello"
    assert (request.path, request.headers["idempotency-key"]) == ("/919000000001", "notice-7")
    assert service.repeatable
    assert not Messages("json://127.0.0.1/{to}").repeatable
    assert "9000000001" not in caplog.text


async def test_what_the_service_refuses_was_not_sent_and_what_it_swallows_may_have_been() -> None:
    async with http_server() as gateway:
        service = Messages(f"json://127.0.0.1:{gateway.port}/{{to}}")
        gateway.respond = lambda _: ok("503 Busy")
        assert await service.send(MESSAGE) == NotSent("the service did not take it (HTTP 503)")
        gateway.respond = lambda _: b""
        assert await service.send(MESSAGE) == MaybeSent("the service did not answer in time")
    nobody = Messages(f"json://127.0.0.1:{free_port()}/{{to}}")
    assert await nobody.send(MESSAGE) == NotSent("the service did not take it")


@pytest.mark.parametrize(
    "url",
    [
        "twilio://AC" + "a" * 32 + ":" + "b" * 32 + "@15551230000/{to_digits}",
        "msg91://{dlt_template_id}@" + "k" * 23 + "/{to_digits}?:body=VAR1",
        "sns://AKIAIOSFODNN7EXAMPLE/wJalrXUtnFEMI/us-east-1/{to}",
        "whatsapp://" + "t" * 30 + "@123456789012345/{to_digits}",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#orders",
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
    ],
)
async def test_the_services_of_the_manual_are_understood(url: str) -> None:
    Messages(url)


@pytest.mark.parametrize("url", ["nosuch://host/{to}", "json://", "json://host/{phone}"])
async def test_a_url_that_cannot_work_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Messages(url + "?token=hunter2")
    assert "hunter2" not in str(refused.value)
