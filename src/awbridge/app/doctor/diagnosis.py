"""What the doctor's checks work with, and what they return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.clickpost.client.async_client import AsyncClickPost
    from awbridge.steps.runtime.clock import Clock
    from awbridge.store import Store

OK, WARNING, ATTENTION, PROBLEM = "ok", "warning", "attention", "problem"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one check found, and what to do.

    `level`: `problem` when awbridge itself is broken, `attention` when something needs a person (an order, a parcel,
    an alarm), `warning` when it is worth checking, or `ok`.
    """

    check: str
    level: str
    found: str
    do: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """What the checks work with. `clickpost` is None while the account is not set."""

    settings: Settings
    store: Store
    clickpost: AsyncClickPost | None
    clock: Clock
    url: str
