"""SMS, WhatsApp and chat services through apprise (https://appriseit.com), one URL for each.

A URL may hold `{to}` (E.164), `{to_digits}` (without the plus), `{key}` (the notice's id, for services that take an
idempotency key), `{dlt_template_id}` (what Indian operators ask for) and `{language}`; they are filled in, quoted, for
every message.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from functools import cache
from typing import Any
from urllib.parse import quote

from awbridge.domain.errors import SettingsError
from awbridge.domain.notices import MaybeSent, Message, NotSent, SendResult, Sent

_PLACE = re.compile(r"\{(\w+)\}")
_KNOWN = frozenset({"to", "to_digits", "key", "dlt_template_id", "language"})
# What the HTTP library says when a request had gone out and no answer came.
_WENT_OUT = ("Read timed out", "Connection aborted", "RemoteDisconnected", "Connection broken", "IncompleteRead")


@cache
def _apprise() -> Any:
    """apprise, loaded when first needed (it is large), and kept from logging: it writes phone numbers."""
    import apprise

    for name in ("apprise", "urllib3"):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
    return apprise


class Messages:
    """One service, or several at once for a team's chat. Repeatable where the URL carries the notice's key."""

    def __init__(self, *urls: str) -> None:
        """Raises SettingsError where a URL is not one that apprise knows. Its text never holds the URL."""
        self._urls = urls
        self.repeatable = bool(urls) and all("{key}" in url for url in urls)
        example = Message(key="notice-1", to="+919000000001", text="", dlt_template_id="1" * 24)
        for url in urls:
            if unknown := set(_PLACE.findall(url)) - _KNOWN:
                raise SettingsError(f"a message service's URL holds {{{min(unknown)}}}; known are {sorted(_KNOWN)}")
        if self._services(example) is None:
            schemes = ", ".join(url.partition(":")[0] for url in urls)
            raise SettingsError(f"apprise does not understand a URL of {schemes}; see https://appriseit.com")

    def _services(self, message: Message) -> list[Any] | None:
        """The services as apprise knows them; None where it understands one of the URLs not at all."""
        apprise = _apprise()
        asset = apprise.AppriseAsset(app_id="awbridge", app_desc="awbridge", app_url="")
        found = [apprise.Apprise.instantiate(fill(url, message), asset=asset) for url in self._urls]
        return found if all(service is not None for service in found) else None

    async def send(self, message: Message) -> SendResult:
        """Send one message. Never raises for what the service does."""
        return await asyncio.to_thread(self._send, message)

    def _send(self, message: Message) -> SendResult:
        services = self._services(message)
        if services is None:
            return NotSent("the service's URL does not work for this message (see its address or template id)", False)
        with _Overheard() as overheard:
            taken = [bool(service.notify(body=message.text, title=message.subject)) for service in services]
        if all(taken):
            return Sent()
        if overheard.went_out:
            return MaybeSent("the service did not answer in time")
        return NotSent(f"the service did not take it{overheard.status}")


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
