"""One call to the vendor as it is kept: what was asked, what came back, how long it took."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call to ClickPost, fit to be stored: secrets in `url` are masked.

    `request` and `response` are the bodies as text ("" where there was none). `http_status` is None and `error` says
    why where no answer came. `ms` is milliseconds from sending to the last byte.
    """

    api: str
    method: str
    url: str
    request: str = field(default="", repr=False)  # names, phones, addresses: not for logs
    http_status: int | None = None
    business_status: int | None = None
    response: str = field(default="", repr=False)
    error: str = ""
    ms: int = 0


def longest_call(timeout: float) -> float:
    """The seconds that one call can last, from its beginning to its last byte: then it is broken off.

    `timeout` bounds each wait on the network. Downloads of files may take longer.
    """
    return 2 * timeout
