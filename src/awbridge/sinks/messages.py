"""Sends over SMS, WhatsApp and chat services, each configured by a URL: by `gateways`, `json_gateway`, or apprise
(https://appriseit.com), which is an optional part.

A URL may contain `{to}` (E.164), `{to_digits}` (without the plus), `{key}` (the notice's id, for services with an
idempotency key), `{dlt_template_id}` (required by Indian operators) and `{language}`. They are replaced, quoted, for
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

from awbridge.domain.errors import MissingPart, SettingsError
from awbridge.domain.notify.notices import MaybeSent, Message, NotSent, SendResult, Sent
from awbridge.sinks import gateways, json_gateway
from awbridge.sinks.gateways import CONNECT_TIMEOUT, GATEWAYS, Gateway

PART = "messages"  # the optional part of the installation that has apprise
TIMEOUT = 30.0  # seconds until a response; a gateway that forwards an SMS synchronously may take longer than 4
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_PLACEHOLDERS = frozenset({"to", "to_digits", "key", "dlt_template_id", "language"})
# Errors of the HTTP library after which the request may have been processed.
_REQUEST_SENT = ("Read timed out", "Connection aborted", "RemoteDisconnected", "Connection broken", "IncompleteRead")
_EXAMPLE = Message(key="notice-1", to="+919000000001", text="", dlt_template_id="1" * 24)
_URL_UNUSABLE = "the service's URL is not valid for this message (check the address and the template id)"

# A separate pool: a slow service must not block other work in threads.
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="messages")


@cache
def _apprise() -> Any:
    """apprise, imported on first use (it is large). Its logging is disabled: it contains phone numbers.

    Raises MissingPart.
    """
    try:
        import apprise
    except ModuleNotFoundError as error:
        if error.name != "apprise":
            raise
        raise MissingPart("a message service's URL", PART) from None

    for name in ("apprise", "urllib3"):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
    return apprise


class MessageChannel:
    """The channel of one service, or of several for a team's chat. Repeatable if every URL contains `{key}`."""

    def __init__(self, *urls: str, timeout: float = TIMEOUT, known: Mapping[str, Gateway] = GATEWAYS) -> None:
        """Raises SettingsError for an invalid URL. The text never contains the URL."""
        self._urls = urls
        self._timeout = timeout
        self._known = known
        self.repeatable = bool(urls) and all("{key}" in url for url in urls)
        for url in urls:
            self._check(url)

    def _check(self, url: str) -> None:
        scheme = _scheme(url)
        if unknown := set(_PLACEHOLDER.findall(url)) - _PLACEHOLDERS:
            raise SettingsError(
                f"a message service's URL contains {{{min(unknown)}}}; supported are {sorted(_PLACEHOLDERS)}"
            )
        if gateway := self._known.get(scheme):
            if not _is_complete(gateway, fill(url, _EXAMPLE)):
                raise SettingsError(f"the URL of {gateway.name} is incomplete; write {gateway.form}")
            return
        if json_gateway.handles(url):
            try:
                json_gateway.check(fill(url, _EXAMPLE))
            except ValueError as error:
                raise SettingsError(f"the URL of {scheme} {error}") from None
            return
        service = self._service(url, _EXAMPLE)
        if service is None:
            raise SettingsError(f"apprise does not support this URL of {scheme}; see https://appriseit.com")
        _check_template(scheme, service)

    def _service(self, url: str, message: Message) -> Any:
        """The apprise service of a URL; None if apprise does not support the URL."""
        apprise = _apprise()
        asset = apprise.AppriseAsset(app_id="awbridge", app_desc="awbridge", app_url="")
        service = apprise.Apprise.instantiate(fill(url, message), asset=asset)
        if service is not None and not _option(url, "rto"):
            service.socket_read_timeout = self._timeout
        if service is not None and not _option(url, "cto"):
            service.socket_connect_timeout = CONNECT_TIMEOUT
        return service

    async def send(self, message: Message) -> SendResult:
        """Send one message to every service. Failures of the services are results, not exceptions."""
        results = [await self._send(url, message) for url in self._urls]
        worst = next((r for r in results if isinstance(r, MaybeSent)), None)
        return worst or next((r for r in results if isinstance(r, NotSent)), Sent())

    async def _send(self, url: str, message: Message) -> SendResult:
        if json_gateway.handles(url):
            return await json_gateway.send(fill(url, message), message, timeout=self._timeout)
        gateway = self._known.get(_scheme(url))
        if gateway is None:
            return await asyncio.get_running_loop().run_in_executor(_threads, self._send_by_apprise, url, message)
        parts = gateways.read_url(fill(url, message))
        if not gateway.is_complete(parts):
            return NotSent(_URL_UNUSABLE, again=False)
        return await gateways.call(gateway, parts, message.text, timeout=self._timeout)

    def _send_by_apprise(self, url: str, message: Message) -> SendResult:
        service = self._service(url, message)
        if service is None:
            return NotSent(_URL_UNUSABLE, again=False)
        # A parameter of a WhatsApp template is one line: Meta refuses line breaks, tabs and runs of spaces.
        text = " ".join(message.text.split()) if _has_template(service) else message.text
        with _AppriseLog() as apprise_log:
            is_accepted = bool(service.notify(body=text, title=message.subject))
        if is_accepted:
            return Sent()
        if apprise_log.request_sent:
            return MaybeSent("the service did not answer in time")
        return NotSent(f"the service did not accept it{apprise_log.status}")


def _is_complete(gateway: Gateway, url: str) -> bool:
    try:
        return gateway.is_complete(gateways.read_url(url))
    except ValueError:  # such as a bracket in the host
        return False


def needs_part(url: str) -> bool:
    """Whether a URL is of a service that only apprise can call."""
    return _scheme(url) not in GATEWAYS and not json_gateway.handles(url)


def _scheme(url: str) -> str:
    return url.partition(":")[0].strip().lower()


def _option(url: str, name: str) -> str:
    """The option of this name in a URL's query; "" if missing. apprise also reads options after a #."""
    found = re.search(rf"[?&]{name}=([^&#]*)", url)
    return found[1] if found else ""


def _has_template(service: Any) -> bool:
    """Whether a service sends a registered template with parameters: whatsapp, gupshup, awswhatsapp."""
    return bool(getattr(service, "template", None)) and hasattr(service, "template_mapping")


def _check_template(scheme: str, service: Any) -> None:
    """Raise SettingsError if the text would not be in its place in the template.

    apprise sends a template without `:body=` without the text. `whatsapp` sends parameters in the order of the URL,
    whatever their numbers. The service accepts both.
    """
    if not _has_template(service):
        return
    mapping = cast("Mapping[str, str]", service.template_mapping)
    parameters = [value if name.lower() in ("body", "type") else name for name, value in mapping.items()]
    if not any(name.lower() == "body" for name in mapping):
        problem = "has no :body=, so the template would be sent without the text; add ?:body=1"
    elif not all(parameter.isdigit() for parameter in parameters):
        return  # named parameters have no order
    elif sorted(map(int, parameters)) != list(range(1, len(parameters) + 1)):
        problem = f"numbers its parameters {', '.join(parameters)}; number them 1, 2, 3, without a gap"
    elif scheme == "whatsapp" and parameters != sorted(parameters, key=int):
        problem = f"would send its parameters in the order {', '.join(parameters)}; write 1 first, then 2"
    else:
        return
    raise SettingsError(f"the URL of {scheme} {problem}.")


def is_free_text_on_whatsapp(url: str) -> bool:
    """Whether a URL sends free text over WhatsApp, which reaches only people who wrote in the last 24 hours."""
    if _scheme(url) not in ("whatsapp", "gupshup", "awswhatsapp"):
        return False
    service = _apprise().Apprise.instantiate(fill(url, _EXAMPLE))
    return service is not None and not getattr(service, "template", None)


def longest_send(services: int, timeout: float) -> float:
    """The longest time, in seconds, to send one message to this many services."""
    return services * (timeout + CONNECT_TIMEOUT)


def fill(url: str, message: Message) -> str:
    values = {
        "to": message.to,
        "to_digits": message.to.lstrip("+"),
        "key": message.key,
        "dlt_template_id": message.dlt_template_id,
        "language": message.language,
    }
    return _PLACEHOLDER.sub(lambda match: quote(values.get(match[1], match[0]), safe=""), url)


class _AppriseLog(logging.Handler):
    """Reads apprise's log while it sends: only the log says whether the request was sent, and the HTTP status.

    Only these two are kept: the lines contain phone numbers. If several threads send at once, each reads its own lines.
    """

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.request_sent = False
        self.status = ""
        self._logger = logging.getLogger("apprise")

    def __enter__(self) -> _AppriseLog:
        self._thread = threading.get_ident()
        self._logger.setLevel(logging.DEBUG)
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread != self._thread:
            return
        text = record.getMessage()
        self.request_sent = self.request_sent or any(sign in text for sign in _REQUEST_SENT)
        if found := re.search(r"error[=:] ?(\d{3})\b", text):
            self.status = f" (HTTP {found[1]})"
