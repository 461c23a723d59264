"""Which call goes wrong, and how: seeded dice and a queue of faults asked for once.

A die is thrown from the seed, the reference number and the how-manieth call for it this is, so that a run repeats
whatever the order in which calls arrive.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from awbridge.sandbox.config import CREATE_FAULTS, Faults, OnceKind

DOWNTIME_CODES = (329, 319, 322)
OWN_FAULTS = frozenset({"create_order", "track_order", "updated_order"})
"""Endpoints whose calls go wrong by faults of their own."""


@dataclass(slots=True)
class Once:
    """A fault that strikes the next `times` fitting calls."""

    kind: OnceKind
    times: int
    reference_number: str | None
    code: int
    endpoint: str | None = None
    """Only calls of this endpoint. None: the calls that the kind is about by itself."""


@dataclass(frozen=True, slots=True)
class OrderFate:
    """What happens to one create-order call. `kind` is one of CREATE_FAULTS; `code` a business error."""

    kind: str | None = None
    code: int | None = None
    slow: bool = False
    queued: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class CallFate:
    """What happens to one call of any endpoint. `code` is the business code where `kind` is error_code."""

    kind: str | None = None
    code: int = 0
    slow: bool = False


class FaultDesk:
    """Decides about every call and every webhook."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self.faults = faults
        self._seed = seed
        self._once: list[Once] = []

    def dice(self, *parts: object) -> random.Random:
        """Dice that fall the same way for the same parts."""
        return random.Random(":".join(str(part) for part in (self._seed, *parts)))

    def once(
        self, kind: OnceKind, *, times: int, reference_number: str | None, code: int, endpoint: str | None = None
    ) -> None:
        """Ask for a fault by name, for the next calls that fit."""
        if endpoint == "create_order":
            endpoint = None  # those calls are decided by order()
        self._once.append(Once(kind, times, reference_number, code, endpoint))

    @property
    def waiting(self) -> Sequence[Once]:
        """Faults that were asked for and have not struck yet."""
        return tuple(self._once)

    def order(self, *, reference: str, nth: int, cp_id: int, known: bool, second: float) -> OrderFate:
        """The fate of the nth create-order call for a reference.

        `known`: the order is placed or queued already, so that the courier can no longer refuse it.
        """
        dice = self.dice("order", reference, nth)
        rolls = {kind: dice.random() for kind in (*CREATE_FAULTS, "slow", "async_orders", "code")}
        slow = self.strikes("slow", reference, rolls["slow"])
        for kind in CREATE_FAULTS:
            if self.strikes(kind, reference, rolls[kind]):
                return OrderFate(kind=kind, slow=slow)
        if known:
            return OrderFate(slow=slow)
        if code := self._error_code(reference, rolls["code"]) or self._downtime_code(cp_id, second, dice):
            return OrderFate(code=code, slow=slow)
        if self.strikes("held_by_courier", reference, self.dice("held", reference, nth).random()):
            return OrderFate(slow=slow, held=True)
        return OrderFate(slow=slow, queued=self.strikes("async_orders", reference, rolls["async_orders"]))

    def call(self, endpoint: str, nth: int) -> CallFate:
        """The fate of the nth call of an endpoint, before that endpoint's own faults are asked."""
        slow = self._take("slow", endpoint=endpoint) is not None
        for kind in (*CREATE_FAULTS, "error_code"):
            if once := self._take(kind, endpoint=endpoint):
                return CallFate(kind, once.code, slow)
        if endpoint in OWN_FAULTS:
            return CallFate(slow=slow)
        dice = self.dice("call", endpoint, nth)
        for kind in ("http_500", "rate_limited"):
            if self.strikes(f"other_{kind}", "", dice.random()):
                return CallFate(kind, slow=slow)
        return CallFate(slow=slow)

    def poll(self, endpoint: str, nth: int) -> str | None:
        """The fault that strikes the nth call of a polling endpoint, if any."""
        dice = self.dice("poll", endpoint, nth)
        for kind in ("poll_http_500", "poll_rate_limited"):
            if self.strikes(kind, "", dice.random()):
                return kind
        return None

    def strikes(self, kind: str, reference: str, roll: float) -> bool:
        """Whether a fault strikes this time: asked for by name, or `roll` (from 0 to 1) falls below its probability."""
        return self._take(kind, reference) is not None or roll < float(getattr(self.faults, kind))

    def _take(self, kind: str, reference: str = "", *, endpoint: str | None = None) -> Once | None:
        for once in self._once:
            if once.kind == kind and once.endpoint == endpoint and once.reference_number in (None, reference):
                once.times -= 1
                if once.times <= 0:
                    self._once.remove(once)
                return once
        return None

    def _error_code(self, reference: str, roll: float) -> int | None:
        if once := self._take("error_code", reference):
            return once.code
        for code, probability in sorted(self.faults.error_codes.items()):
            if roll < probability:
                return code
            roll -= probability
        return None

    def _downtime_code(self, cp_id: int, second: float, dice: random.Random) -> int | None:
        for span in self.faults.downtime:
            if span.courier_partner_id == cp_id and span.from_second <= second < span.to_second:
                return dice.choice(DOWNTIME_CODES)
        return None
