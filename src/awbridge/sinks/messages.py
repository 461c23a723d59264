"""SMS, WhatsApp and chat services, one URL for each: through apprise (https://appriseit.com), or called from here.

A URL may hold `{to}` (E.164), `{to_digits}` (without the plus), `{key}` (the notice's id, for services that take an
idempotency key), `{dlt_template_id}` (what Indian operators ask for) and `{language}`; they are filled in, quoted, for
every message.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, cast
from urllib.parse import quote

from awbridge.domain.errors import SettingsError
from awbridge.domain.notify.notices import MaybeSent, Message, NotSent, SendResult, Sent
from awbridge.sinks import gateways
from awbridge.sinks.gateways import CONNECT_TIMEOUT, GATEWAYS, Gateway

TIMEOUT = 30.0  # seconds that a service has to answer; a gateway that hands an SMS on at once may take longer than 4
_PLACE = re.compile(r"\{(\w+)\}")
_KNOWN = frozenset({"to", "to_digits", "key", "dlt_template_id", "language"})
# What the HTTP library says when a request had gone out and no answer came.
_WENT_OUT = ("Read timed out", "Connection aborted", "RemoteDisconnected", "Connection broken", "IncompleteRead")
_EXAMPLE = Message(key="notice-1", to="+919000000001", text="", dlt_template_id="1" * 24)
_DOES_NOT_WORK = "the service's URL does not work for this message (see its address or template id)"

# Threads of its own: a service that takes its time must not hold up what else works in threads.
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="messages")


@cache
def _apprise() -> Any:
    """apprise, loaded when first needed (it is large), and kept from logging: it writes phone numbers."""
    import apprise

    for name in ("apprise", "urllib3"):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
    return apprise


class MessageChannel:
    """One service, or several at once for a team's chat. Repeatable where the URL carries the notice's key."""

    def __init__(self, *urls: str, timeout: float = TIMEOUT, known: Mapping[str, Gateway] = GATEWAYS) -> None:
        """Raises SettingsError where a URL cannot work. Its text never holds the URL."""
        self._urls = urls
        self._timeout = timeout
        self._known = known
        self.repeatable = bool(urls) and all("{key}" in url for url in urls)
        for url in urls:
            self._check(url)

    def _check(self, url: str) -> None:
        scheme = _scheme(url)
        if unknown := set(_PLACE.findall(url)) - _KNOWN:
            raise SettingsError(f"a message service's URL holds {{{min(unknown)}}}; known are {sorted(_KNOWN)}")
        if gateway := self._known.get(scheme):
            if not gateway.is_complete(gateways.read_url(fill(url, _EXAMPLE))):
                raise SettingsError(f"the URL of {gateway.name} is not complete; write {gateway.form}")
            return
        service = self._service(url, _EXAMPLE)
        if service is None:
            raise SettingsError(f"apprise does not understand a URL of {scheme}; see https://appriseit.com")
        _check_template(scheme, service)

    def _service(self, url: str, message: Message) -> Any:
        """The service as apprise knows it; None where it does not understand the URL."""
        apprise = _apprise()
        asset = apprise.AppriseAsset(app_id="awbridge", app_desc="awbridge", app_url="")
        service = apprise.Apprise.instantiate(fill(url, message), asset=asset)
        if service is not None and not _option(url, "rto"):
            service.socket_read_timeout = self._timeout
        if service is not None and not _option(url, "cto"):
            service.socket_connect_timeout = CONNECT_TIMEOUT
        return service

    async def send(self, message: Message) -> SendResult:
        """Send one message to every service. Never raises for what the services do."""
        results = [await self._send(url, message) for url in self._urls]
        worst = next((r for r in results if isinstance(r, MaybeSent)), None)
        return worst or next((r for r in results if isinstance(r, NotSent)), Sent())

    async def _send(self, url: str, message: Message) -> SendResult:
        gateway = self._known.get(_scheme(url))
        if gateway is None:
            return await asyncio.get_running_loop().run_in_executor(_threads, self._send_by_apprise, url, message)
        parts = gateways.read_url(fill(url, message))
        if not gateway.is_complete(parts):
            return NotSent(_DOES_NOT_WORK, again=False)
        return await gateways.call(gateway, parts, message.text, timeout=self._timeout)

    def _send_by_apprise(self, url: str, message: Message) -> SendResult:
        service = self._service(url, message)
        if service is None:
            return NotSent(_DOES_NOT_WORK, again=False)
        # A parameter of a WhatsApp template is one line: Meta refuses line breaks, tabs and long rows of spaces in it.
        text = " ".join(message.text.split()) if _has_template(service) else message.text
        with _Overheard() as overheard:
            taken = bool(service.notify(body=text, title=message.subject))
        if taken:
            return Sent()
        if overheard.went_out:
            return MaybeSent("the service did not answer in time")
        return NotSent(f"the service did not take it{overheard.status}")


def _scheme(url: str) -> str:
    return url.partition(":")[0].strip().lower()


def _option(url: str, name: str) -> str:
    """What a URL says behind its ? of this name; "" where nothing. apprise reads it behind a # too."""
    found = re.search(rf"[?&]{name}=([^&#]*)", url)
    return found[1] if found else ""


def _has_template(service: Any) -> bool:
    """Whether this is a service that sends a registered template with parameters: whatsapp, gupshup, awswhatsapp."""
    return bool(getattr(service, "template", None)) and hasattr(service, "template_mapping")


def _check_template(scheme: str, service: Any) -> None:
    """Raise SettingsError where the words would not stand where the template wants them.

    apprise sends a template without `:body=` and leaves the words out. `whatsapp` sends parameters in the order in
    which the URL names them, whatever their numbers. The service takes both for good.
    """
    if not _has_template(service):
        return
    mapping = cast("Mapping[str, str]", service.template_mapping)
    places = [value if name.lower() in ("body", "type") else name for name, value in mapping.items()]
    if not any(name.lower() == "body" for name in mapping):
        problem = "holds no :body=, so a template would go out without the words; add ?:body=1"
    elif not all(place.isdigit() for place in places):
        return  # named parameters have no order
    elif sorted(map(int, places)) != list(range(1, len(places) + 1)):
        problem = f"numbers its parameters {', '.join(places)}; a template's parameters are 1, 2, 3, without a gap"
    elif scheme == "whatsapp" and places != sorted(places, key=int):
        problem = f"names its parameters in the order {', '.join(places)} and would send them so; write 1 first, then 2"
    else:
        return
    raise SettingsError(f"the URL of {scheme} {problem}.")


def is_free_text_on_whatsapp(url: str) -> bool:
    """Whether a URL sends free text over WhatsApp: it reaches only who wrote to the shop within the last 24 hours."""
    if _scheme(url) not in ("whatsapp", "gupshup", "awswhatsapp"):
        return False
    service = _apprise().Apprise.instantiate(fill(url, _EXAMPLE))
    return service is not None and not getattr(service, "template", None)


def longest_send(services: int, timeout: float) -> float:
    """Seconds that sending one message to so many services takes at most."""
    return services * (timeout + CONNECT_TIMEOUT)


def fill(url: str, message: Message) -> str:
    """The URL for one message."""
    values = {
        "to": message.to,
        "to_digits": message.to.lstrip("+"),
        "key": message.key,
        "dlt_template_id": message.dlt_template_id,
        "language": message.language,
    }
    return _PLACE.sub(lambda found: quote(values.get(found[1], found[0]), safe=""), url)


class _Overheard(logging.Handler):
    """What apprise logs while it sends: only there does it say whether a request had gone out, and the HTTP status.

    Nothing but these two is kept: the lines hold phone numbers. Several threads may send at once, and each overhears
    its own lines only.
    """

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.went_out = False
        self.status = ""
        self._logger = logging.getLogger("apprise")

    def __enter__(self) -> _Overheard:
        self._thread = threading.get_ident()
        self._logger.setLevel(logging.DEBUG)
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one line."""
        if record.thread != self._thread:
            return
        text = record.getMessage()
        self.went_out = self.went_out or any(sign in text for sign in _WENT_OUT)
        if found := re.search(r"error[=:] ?(\d{3})\b", text):
            self.status = f" (HTTP {found[1]})"
