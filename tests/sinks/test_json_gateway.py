"""json:// and jsons://: what apprise would send, sent without it."""

from __future__ import annotations

import asyncio
import json

import pytest

from awbridge.domain.errors import SettingsError
from awbridge.domain.notify.notices import Message, NotSent, Sent
from awbridge.sinks import json_gateway
from awbridge.sinks.messages import MessageChannel, fill, needs_part
from tests.support.receivers import Request, http_server, ok

pytestmark = pytest.mark.heavy

MESSAGE = Message(
    key="notice-7", to="+919000000001", text="Ihr Paket ist da: आज\n", subject=" Parcel ", dlt_template_id="1107"
)


def essence(request: Request) -> object:
    """What a gateway reads of a request."""
    names = ("authorization", "content-type", "user-agent", "x-shop", "idempotency-key")
    return request.method, request.path, {n: request.headers.get(n) for n in names}, json.loads(request.body)


@pytest.mark.parametrize(
    "rest",
    [
        "/sms/{to_digits}",
        "/sms/{to}?+Idempotency-Key={key}&:header=ACMEIN&:template={dlt_template_id}",
        "?:message=text&:title=&:attachments=&:type=&:to={to}",
        "/a%20b/?-shop=7&-x=a%26b&method=put&+X-Shop=Acme+Co&rto=20&cto=3",
        "/a#b",
        "/x?:color=#fff&+X-Shop=a#b",
        "/x?+Content-Type=text/plain&+User-Agent=shop;:language={language}",
    ],
)
@pytest.mark.parametrize("user", ["", "shop:p%40ss@"])
async def test_a_gateway_of_ones_own_gets_the_request_of_apprise(user: str, rest: str) -> None:
    import apprise

    async with http_server() as gateway:
        url = f"json://{user}127.0.0.1:{gateway.port}{rest}"
        assert not needs_part(url)
        assert await MessageChannel(url).send(MESSAGE) == Sent()
        asset = apprise.AppriseAsset(app_id="awbridge", app_desc="awbridge", app_url="")
        theirs = apprise.Apprise.instantiate(fill(url, MESSAGE), asset=asset)
        assert theirs
        assert await asyncio.to_thread(theirs.notify, body=MESSAGE.text, title=MESSAGE.subject)
    ours, expected = gateway.requests
    assert essence(ours) == essence(expected)


async def test_a_redirect_is_a_refusal_because_the_message_would_be_lost_on_its_way() -> None:
    """After a 302 a client asks with GET and without the message, and a page that answers 200 looks like success."""
    async with http_server() as gateway:
        gateway.respond = lambda _: ok("302 Found", location="/elsewhere")
        channel = MessageChannel(f"json://127.0.0.1:{gateway.port}/sms/{{to_digits}}")
        assert await channel.send(MESSAGE) == NotSent("the service did not accept it (HTTP 302)")
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    ("url", "needs"),
    [
        ("json://gateway.example/{to}", False),
        ("JSONS://gateway.example/{to}?+X-Key=a&:b=c&-d=e&RTO=5", False),
        ("jsons://gateway.example/{to}?verify=no", True),
        ("jsons://gateway.example/{to}?redirect=no", True),
        ("form://gateway.example/{to}", True),
        ("slack://a/b/c", True),
        ("msg91://{dlt_template_id}@AUTHKEY/{to_digits}?:body=VAR1", False),
        ("vonage://KEY:SECRET@FROM/{to_digits}", False),
        ("textlocal://APIKEY@SENDER/{to_digits}", False),
    ],
)
def test_only_other_services_and_options_need_apprise(url: str, needs: bool) -> None:
    assert needs_part(url) is needs


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("json://", "has no host"),
        ("json:///sms/{to}", "has no host"),
        ("json://host:99999/{to}", "has no valid host or port"),
        ("json://host:0/{to}", "has no valid host or port"),
        ("json://[host/{to}", "has no valid host or port"),
        ("json://host/{to}?method=SEND", "has method=SEND; supported are DELETE"),
        ("json://host/{to}?rto=soon", "has rto=soon; write seconds"),
        ("json://host/{to}?+X-Key=hunter2%0d%0aX: y", "a header with a control character"),
    ],
)
def test_a_url_that_cannot_be_called_is_refused_and_not_shown(url: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem) as refused:
        MessageChannel(url)
    assert "hunter2" not in str(refused.value)


def test_times_of_a_url_take_the_place_of_the_settings() -> None:
    parts = json_gateway.read_url("jsons://host/x?rto=20&cto=2.5")
    assert (parts.address, parts.timeout, parts.connect_timeout) == ("https://host/x", 20.0, 2.5)
    plain = json_gateway.read_url("jsons://host/x")
    assert (plain.timeout, plain.connect_timeout) == (None, None)
