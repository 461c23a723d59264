"""Where steps report what they did about a shipment, for traces.

Off by default: `current` is None, and a step compares with that and does nothing else. While traces are on, it is what
`sinks/spans.py` makes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

Note = Callable[..., None]  # attributes of a span, by name


@dataclass(frozen=True, slots=True)
class Heard:
    """A scan that became known: what it says, and when and from where it came."""

    reference_number: str
    code: int
    seen_at: datetime
    received_at: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldCustomer:
    """A message that ended, and the status that caused it (`code` is None where no scan did)."""

    reference_number: str
    milestone: str
    code: int | None
    status_at: datetime
    channel: str
    state: str
    began_at: datetime
    ended_at: datetime


class Traces(Protocol):
    """What takes the reports: reference numbers, waybills, codes, names from our tables, and nothing personal."""

    def accepted(self, references: Sequence[str], *, caller: str, began_at: datetime, ended_at: datetime) -> None:
        """New orders were stored. `caller`: the traceparent of the request, if it had one."""
        ...

    def calling(self, step: str, reference: str) -> AbstractContextManager[Note]:
        """A step calls ClickPost about an order while the block lasts; it may note attributes."""
        ...

    def placed(self, reference: str, waybill: str, *, created_at: datetime, now: datetime) -> None:
        """A shipment was placed, accepted at `created_at`."""
        ...

    def heard(self, scans: Sequence[Heard], *, began_at: datetime, now: datetime) -> None:
        """Scans were applied, from `began_at` on."""
        ...

    def told(self, message: ToldCustomer) -> None:
        """A message to a customer ended."""
        ...


current: Traces | None = None


def _noted(**_: object) -> None:
    """Nothing is noted where traces are off."""


_OFF: AbstractContextManager[Note] = nullcontext(_noted)


def calling(step: str, reference: str) -> AbstractContextManager[Note]:
    """The block in which a step calls ClickPost about an order."""
    return current.calling(step, reference) if current else _OFF
