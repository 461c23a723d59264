"""Message services through apprise, against a real HTTP server."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from apprise.plugins.kaleyra import NotifyKaleyra
from apprise.plugins.whatsapp import NotifyWhatsApp

from awbridge.app.settings import Settings
from awbridge.domain.errors import SettingsError
from awbridge.domain.notify.notices import MaybeSent, Message, NotSent, SendResult, Sent
from awbridge.sinks import messages
from awbridge.sinks.gateways import GATEWAYS, Gateway
from awbridge.sinks.messages import MessageChannel, fill, is_free_text_on_whatsapp
from tests.support.ports import free_port
from tests.support.receivers import http_server, ok

pytestmark = pytest.mark.heavy

MESSAGE = Message(key="notice-7", to="+919000000001", text="Hello", dlt_template_id="1107160000000000001")


HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
DOCUMENTED = [
    url
    for page in ("operate/notices.md", "deploy/sms-india.md")
    for url in re.findall(r"^\|.*`(\w+://\S+\{to\S+)`", (HOW_TO / page).read_text("utf-8"), re.MULTILINE)
]


@pytest.mark.parametrize("url", DOCUMENTED, ids=lambda url: url.partition(":")[0])
def test_the_documented_urls_are_accepted(url: str) -> None:
    keys = {"AUTHKEY": "K" * 23, "PHONE_ID": "1" * 15, "ACCOUNT_SID": "AC" + "0" * 32, "ACCESS_KEY": "A" * 20}
    keys |= {"SECRET": "S" * 40, "REGION": "ap-south-1", "FROM": "15551230000"}
    if url.startswith("vonage"):
        keys |= {"KEY": "abcdef12", "SECRET": "a" * 16}
    MessageChannel(re.sub("|".join(sorted(keys, key=len, reverse=True)), lambda found: keys[found[0]], url))


def test_every_service_of_the_pages_is_looked_at() -> None:
    assert {"msg91", "textlocal", "kaleyra", "exotel", "vonage", "whatsapp"} <= {
        url.split(":")[0] for url in DOCUMENTED
    }


async def test_kaleyra_gets_the_id_of_the_registered_template(monkeypatch: pytest.MonkeyPatch) -> None:
    [url] = [url for url in DOCUMENTED if url.startswith("kaleyra")]
    async with http_server() as gateway:
        monkeypatch.setattr(NotifyKaleyra, "notify_url", f"http://127.0.0.1:{gateway.port}/{{host}}/{{sid}}")
        assert await MessageChannel(url).send(MESSAGE) == Sent()
    [request] = gateway.requests
    sent = json.loads(request.body)
    assert (request.path, sent["template_id"], sent["sender"]) == (
        "/api.in.kaleyra.io/SID",
        "1107160000000000001",
        "ACMEIN",
    )


async def test_placeholders_of_a_url_are_replaced_and_quoted() -> None:
    url = "msg91://{dlt_template_id}@key/{to_digits}?:name={key}&x={to}&l={language}"
    assert fill(url, MESSAGE) == "msg91://1107160000000000001@key/919000000001?:name=notice-7&x=%2B919000000001&l=en"


class RootLog(logging.Handler):
    """Records the events of the root logger, like the service's handler. pytest adds its own to every logger."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def root_log() -> Iterator[RootLog]:
    handler, root = RootLog(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.getLogger("another").debug("is logged")
    yield handler
    root.setLevel(level)
    root.removeHandler(handler)


async def test_a_message_arrives_and_is_repeatable_if_its_key_is_sent(root_log: RootLog) -> None:
    async with http_server() as gateway:
        service = MessageChannel(f"json://127.0.0.1:{gateway.port}/{{to_digits}}?+Idempotency-Key={{key}}")
        assert await service.send(MESSAGE) == Sent()
    (request,) = gateway.requests
    assert json.loads(request.body)["message"] == "Hello"
    assert (request.path, request.headers["idempotency-key"]) == ("/919000000001", "notice-7")
    assert service.repeatable
    assert not MessageChannel("json://127.0.0.1/{to}").repeatable
    assert "is logged" in root_log.lines
    assert "9000000001" not in "\n".join(root_log.lines)


def known_at(port: int) -> dict[str, Gateway]:
    return {name: replace(one, address=f"http://127.0.0.1:{port}/sms") for name, one in GATEWAYS.items()}


GATEWAY_URLS = {
    "msg91": "msg91://{dlt_template_id}@" + "K" * 23 + "/{to_digits}?:body=VAR1&:shop=Acme",
    "vonage": "vonage://key:secret@ACME/{to_digits}",
    "textlocal": "textlocal://key@ACME/{to_digits}",
}


@pytest.mark.parametrize(
    ("scheme", "body", "expected"),
    [
        ("msg91", '{"type": "success", "message": "3763646c3058373530393938"}', Sent()),
        (
            "msg91",
            '{"type": "error", "message": "template id missing"}',
            NotSent("MSG91 refused it: template id missing"),
        ),
        (
            "msg91",
            '{"status": "fail", "hasError": true, "errors": "Unauthorized"}',
            NotSent("MSG91 refused it: Unauthorized"),
        ),
        ("vonage", '{"messages": [{"status": "0"}]}', Sent()),
        (
            "vonage",
            '{"messages": [{"status": "4", "error-text": "Bad Credentials"}]}',
            NotSent("Vonage refused it: status 4: Bad Credentials"),
        ),
        ("textlocal", '{"status": "success"}', Sent()),
        (
            "textlocal",
            '{"status": "failure", "errors": [{"code": 80, "message": "Invalid template for 919000000001"}]}',
            NotSent("Textlocal refused it: code 80: Invalid template for the number"),
        ),
        ("textlocal", "OK", Sent()),
    ],
)
async def test_a_refusal_in_the_body_of_a_200_is_a_refusal(scheme: str, body: str, expected: SendResult) -> None:
    async with http_server() as gateway:
        gateway.respond = lambda _: ok(body=body)
        result = await MessageChannel(GATEWAY_URLS[scheme], known=known_at(gateway.port)).send(MESSAGE)
    assert result == expected


async def test_each_gateway_gets_number_text_and_credentials() -> None:
    async with http_server() as gateway:
        for url in GATEWAY_URLS.values():
            assert await MessageChannel(url, known=known_at(gateway.port)).send(replace(MESSAGE, text="नमस्ते")) == Sent()
    msg91, vonage, textlocal = gateway.requests
    assert msg91.headers["authkey"] == "K" * 23
    assert json.loads(msg91.body) == {
        "template_id": "1107160000000000001",
        "short_url": 0,
        "recipients": [{"mobiles": "919000000001", "VAR1": "नमस्ते", "shop": "Acme"}],
    }
    assert dict(parse_qsl(vonage.body)) == {
        **{"api_key": "key", "api_secret": "secret", "from": "ACME", "to": "919000000001"},
        **{"text": "नमस्ते", "type": "unicode"},
    }
    assert dict(parse_qsl(textlocal.body)) == {
        **{"apikey": "key", "sender": "ACME", "numbers": "919000000001", "message": "नमस्ते", "unicode": "true"}
    }


async def test_the_lines_of_a_text_are_the_variables_of_msg91s_template() -> None:
    url = "msg91://{dlt_template_id}@KEY/{to_digits}?:body=order,day,link&:shop=Acme"
    async with http_server() as gateway:
        channel = MessageChannel(url, known=known_at(gateway.port))
        for text in ("1001\n23 November\nhttps://t.example/t/x", "1001\n23 November"):
            assert await channel.send(replace(MESSAGE, text=text)) == Sent()
        refused = await channel.send(replace(MESSAGE, text="1001\n23 November\nhttps://t.example/t/x\nmore"))
    three, two = (json.loads(request.body)["recipients"][0] for request in gateway.requests)
    common = {"mobiles": "919000000001", "shop": "Acme", "order": "1001", "day": "23 November"}
    assert (three, two) == ({**common, "link": "https://t.example/t/x"}, common)
    assert refused == NotSent("the text has 4 lines, but the URL names 3 variables in :body=", again=False)


@pytest.mark.parametrize("scheme", GATEWAY_URLS)
async def test_an_unreachable_gateway_means_not_sent_and_a_lost_connection_maybe_sent(scheme: str) -> None:
    url = GATEWAY_URLS[scheme]
    async with http_server() as gateway:
        gateway.respond = lambda _: b""
        assert isinstance(await MessageChannel(url, known=known_at(gateway.port)).send(MESSAGE), MaybeSent)
        gateway.respond = lambda _: ok("503 Busy")
        assert await MessageChannel(url, known=known_at(gateway.port)).send(MESSAGE) == NotSent(
            "the service did not accept it (HTTP 503)"
        )
    assert isinstance(await MessageChannel(url, known=known_at(free_port())).send(MESSAGE), NotSent)


async def test_a_message_without_its_template_id_is_not_retried() -> None:
    result = await MessageChannel(GATEWAY_URLS["msg91"]).send(replace(MESSAGE, dlt_template_id=""))
    assert isinstance(result, NotSent)
    assert not result.again


@pytest.mark.parametrize(("scheme", "more"), [("json", ""), ("json", "&rto=9"), ("textlocal", "")])
async def test_the_timeout_applies_to_a_slow_service(scheme: str, more: str) -> None:
    async with slow_server(seconds=1.0) as port:
        url = f"json://127.0.0.1:{port}/{{to}}?x=1{more}" if scheme == "json" else GATEWAY_URLS[scheme]
        assert await MessageChannel(url, timeout=30, known=known_at(port)).send(MESSAGE) == Sent()
        impatient = await MessageChannel(url, timeout=0.1, known=known_at(port)).send(MESSAGE)
        assert isinstance(impatient, Sent if "rto" in more else MaybeSent)


def test_the_default_timeout_is_far_longer_than_the_librarys() -> None:
    assert Settings(clickpost_username="u").notice_timeout == messages.TIMEOUT == 30


WHATSAPP = "whatsapp://order:" + "t" * 30 + "@123456789012345/{to_digits}"


@pytest.mark.parametrize(
    "query", ["?:body=1", "?:1=Acme&:body=2", "?:body=1&:2=Acme&:type=3", "?:body=1&lang={language}"]
)
def test_a_template_with_the_text_in_its_place_is_accepted(query: str) -> None:
    MessageChannel(WHATSAPP + query)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "no :body="),
        ("?:1=Acme", "no :body="),
        ("?:body=2", "without a gap"),
        ("?:body=1&:3=Acme", "without a gap"),
        ("?:body=2&:1=Acme", "in the order 2, 1"),
    ],
)
def test_a_template_that_would_lose_or_swap_the_text_is_refused_with_the_reason(query: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as refused:
        MessageChannel(WHATSAPP + query)
    assert "tttt" not in str(refused.value)


def test_a_service_that_sorts_parameters_accepts_them_in_any_order() -> None:
    url = "gupshup://app:key@15551230000/{to_digits}?template=order"
    MessageChannel(url + "&:body=2&:1=Acme")
    with pytest.raises(SettingsError, match="no :body="):
        MessageChannel(url)


async def test_parameters_of_a_template_are_single_lines_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async with http_server() as gateway:
        monkeypatch.setattr(NotifyWhatsApp, "notify_url", f"http://127.0.0.1:{gateway.port}/")
        lines = replace(MESSAGE, text="Hello\tAsha,\n\nyour     order.")
        assert await MessageChannel(WHATSAPP + "?:1=Acme&:body=2").send(lines) == Sent()
        assert await MessageChannel(WHATSAPP.replace("order:", "")).send(lines) == Sent()
    template, free = (json.loads(request.body) for request in gateway.requests)
    texts = [p["text"] for p in template["template"]["components"][0]["parameters"]]
    assert texts == ["Acme", "Hello Asha, your order."]
    assert free["text"]["body"] == lines.text, "free text keeps its lines"


@pytest.mark.parametrize(
    ("url", "is_free"),
    [
        (WHATSAPP + "?:body=1", False),
        (WHATSAPP.replace("order:", ""), True),
        ("json://127.0.0.1/{to}", False),
    ],
)
def test_free_text_over_whatsapp_is_recognised(url: str, is_free: bool) -> None:
    assert is_free_text_on_whatsapp(url) is is_free


@pytest.mark.parametrize(
    "url",
    [
        "msg91://@KEY/{to}",
        "msg91://T@KEY/{to}?:body=",
        "msg91://T@KEY/{to}?:body=VAR1,",
        "vonage://key@FROM/{to}",
        "textlocal://k@/{to}",
    ],
)
def test_an_incomplete_gateway_url_is_refused_with_its_form(url: str) -> None:
    with pytest.raises(SettingsError, match="write "):
        MessageChannel(url)


@asynccontextmanager
async def slow_server(*, seconds: float) -> AsyncGenerator[int]:
    """A slow HTTP server; yields its port."""

    at_work: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(seconds)
            writer.write(ok())
            await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_work.append(asyncio.ensure_future(answer(reader, writer)))

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*at_work)


async def test_a_refused_message_was_not_sent_and_an_unanswered_one_may_have_been() -> None:
    async with http_server() as gateway:
        service = MessageChannel(f"json://127.0.0.1:{gateway.port}/{{to}}")
        gateway.respond = lambda _: ok("503 Busy")
        assert await service.send(MESSAGE) == NotSent("the service did not accept it (HTTP 503)")
        gateway.respond = lambda _: b""
        assert await service.send(MESSAGE) == MaybeSent("the service did not answer in time")
    nobody = MessageChannel(f"json://127.0.0.1:{free_port()}/{{to}}")
    assert await nobody.send(MESSAGE) == NotSent("no connection to your gateway: ConnectError")


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
async def test_the_services_of_the_documentation_are_supported(url: str) -> None:
    MessageChannel(url)


@pytest.mark.parametrize("url", ["nosuch://host/{to}", "json://", "json://host/{phone}", "vonage://k:s@[a/{to}"])
async def test_an_invalid_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        MessageChannel(url + "?token=hunter2")
    assert "hunter2" not in str(refused.value)
