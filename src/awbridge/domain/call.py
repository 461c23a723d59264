"""One call to ClickPost as it is recorded: request, response and duration."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call to ClickPost, safe to store: secrets in `url` are masked.

    `request` and `response` are the bodies as text ("" without a body). Without an answer, `http_status` is None and
    `error` says why. `ms` is milliseconds from sending to the last byte.
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
    """The longest duration of one call in seconds, from start to last byte; then it is aborted.

    `timeout` bounds each wait on the network. Downloads of files may take longer.
    """
    return 2 * timeout
