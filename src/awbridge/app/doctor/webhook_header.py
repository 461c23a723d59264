"""Whether ClickPost's header passes the proxies on the way to the webhook, and the setting that lets it."""

from __future__ import annotations

import asyncio
from enum import Enum

from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING, Diagnosis
from awbridge.clickpost.client import probe
from awbridge.clickpost.client.probe import Probe
from awbridge.store.polling.webhook_keys import NO_KEY, WRONG_KEY
from awbridge.web.webhook.endpoint import PATH, REFUSED, WRONG_ELSEWHERE

NAME = "webhook header"

_NGINX = """nginx, in `http {}` (nginx.conf, or a file of conf.d). In a `server {}` it holds for some requests only:
    underscores_in_headers on;"""

_OTHERWISE = """If none of this is possible, let a server in front of that proxy copy the key into the header X-Api-Key.
Or register the URL with the key in it: /webhooks/clickpost/<key> or /webhooks/clickpost?secret=<key>.
On accounts that can send it, a key in the header Authorization passes proxies too."""

CURES = f"""ClickPost's key comes in the header `webhook_key`. Many proxies drop header names with an underscore.

{_NGINX}

Caddy up to 2.11.3 passes it; 2.11.4 drops it without a way to change that; later versions need, in the global options:
    {{
        servers {{
            expected_underscore_headers webhook_key
        }}
    }}

AWS ALB, where invalid header fields are dropped (off by default):
    aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN \\
        --attributes Key=routing.http.drop_invalid_header_fields.enabled,Value=false

Traefik and Envoy pass it, unless they are set not to: aliasHeadersStrategy, headers_with_underscores_action.

{_OTHERWISE}"""

IN_PLACES = f"""{_NGINX}

nginx may read the header before it knows which `server {{}}` is meant, or under the settings of the default server."""

REJECTED = f"""Traefik, on the entry point (its default is keep):
    http:
      aliasHeadersStrategy: keep

Envoy, in common_http_protocol_options of the HttpConnectionManager (its default is ALLOW):
    headers_with_underscores_action: ALLOW

gunicorn: header_map must not be `refuse`.

{_OTHERWISE}"""


class _Arrival(Enum):
    YES = "the header arrived"
    NO = "the request arrived without it"
    FOREIGN = "something else answered"
    NONE = "there was no answer"


def _arrival(answer: Probe) -> _Arrival:
    if answer.error:
        return _Arrival.NONE
    if answer.text.encode() == REFUSED[WRONG_KEY]:
        return _Arrival.YES
    return _Arrival.NO if answer.text.encode() in (REFUSED[NO_KEY], REFUSED[WRONG_ELSEWHERE]) else _Arrival.FOREIGN


def key_is_in(url: str) -> bool:
    """Whether the webhook's URL carries the key itself, in its path or its query."""
    return bool(url.partition(PATH)[2].strip("/"))


async def knock(url: str) -> Diagnosis:
    """Send made-up keys to the webhook's public URL, and diagnose the proxies on the way."""
    address = url.partition(PATH)[0] + PATH if PATH in url else url
    host_first, key_first = await asyncio.gather(
        probe.probe_webhook(address, header="webhook_key"),
        probe.probe_webhook_before_host(address, header="webhook_key"),
    )
    without = await probe.probe_webhook(address) if _arrival(host_first) is _Arrival.FOREIGN else None
    return judge_header(host_first, key_first, without, url=address)


def judge_header(host_first: Probe, key_first: Probe, without: Probe | None = None, *, url: str) -> Diagnosis:
    """Diagnose the proxies by the answers to a made-up key after the header Host, before it, and to none at all."""
    usual, before = _arrival(host_first), _arrival(key_first)
    if usual is _Arrival.NONE:
        text = f"{url} cannot be reached from here ({host_first.error})"
        do = "try from outside your network; ClickPost must reach it. The usual cause:\n" + CURES
        return Diagnosis(NAME, WARNING, text, do)
    if usual is _Arrival.FOREIGN:
        if without and _arrival(without) is _Arrival.NO:
            text = f"a proxy in front of {url} answers HTTP {host_first.status} to requests with the header webhook_key"
            return Diagnosis(NAME, PROBLEM, text, REJECTED)
        text = f"{url} returned HTTP {host_first.status}, not awbridge's response"
        return Diagnosis(NAME, PROBLEM, text, f"pass {PATH} to awbridge serve unchanged")
    if usual is _Arrival.NO:
        if before is _Arrival.YES:
            text = f"a proxy in front of {url} drops the header webhook_key unless it comes before Host"
            return Diagnosis(NAME, PROBLEM, text, IN_PLACES)
        return Diagnosis(NAME, PROBLEM, f"a proxy in front of {url} drops the header webhook_key", CURES)
    if before is _Arrival.NO:
        text = f"a proxy in front of {url} drops the header webhook_key if it comes before Host"
        return Diagnosis(NAME, PROBLEM, text, IN_PLACES)
    return Diagnosis(NAME, OK, "every proxy passes webhook_key")
