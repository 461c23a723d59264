"""Which call fails, and how: probabilities drawn from the seed, and a list of faults requested by name.

Each draw depends on the seed, the reference number and the number of calls made for it, so that a run is repeatable
whatever the order in which calls arrive.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from awbridge.sandbox.config import CREATE_FAULTS, FaultKind, Faults

DOWNTIME_CODES = (329, 319, 322)
OWN_FAULTS = frozenset({"create_order", "track_order", "updated_order"})
"""Endpoints with faults of their own, which the `other_*` faults leave alone."""


@dataclass(slots=True)
class RequestedFault:
    """A fault that affects the next `times` matching calls. `code` is the business code of an error_code."""

    kind: FaultKind
    times: int
    reference_number: str | None
    code: int
    endpoint: str | None = None
    """Affect only calls of this endpoint. None: the calls that this kind of fault affects by default."""


@dataclass(frozen=True, slots=True)
class OrderFaults:
    """The faults of one create-order call. `kind` is one of CREATE_FAULTS, `code` a business error."""

    kind: str | None = None
    code: int | None = None
    slow: bool = False
    queued: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class CallFaults:
    """The faults of one call of any endpoint. `code` is the business code if `kind` is error_code."""

    kind: str | None = None
    code: int = 0
    slow: bool = False


class FaultInjector:
    """Decides which calls and webhooks fail."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self.faults = faults
        self._seed = seed
        self._requested: list[RequestedFault] = []

    def rng(self, *parts: object) -> random.Random:
        """A random generator that yields the same values for the same parts."""
        return random.Random(":".join(str(part) for part in (self._seed, *parts)))

    def request(self, fault: RequestedFault) -> None:
        """Request a fault for the next matching calls."""
        if fault.endpoint == "create_order":
            fault.endpoint = None  # for_order() decides about these calls
        self._requested.append(fault)

    @property
    def pending(self) -> Sequence[RequestedFault]:
        """Requested faults that have not occurred yet."""
        return tuple(self._requested)

    def for_order(self, *, reference: str, nth: int, cp_id: int, known: bool, second: float) -> OrderFaults:
        """The faults of the nth create-order call for a reference number.

        `known`: the order is already placed or queued, so the courier can no longer refuse it.
        """
        rng = self.rng("order", reference, nth)
        draws = {kind: rng.random() for kind in (*CREATE_FAULTS, "slow", "async_orders", "code")}
        slow = self.occurs("slow", reference, draws["slow"])
        for kind in CREATE_FAULTS:
            if self.occurs(kind, reference, draws[kind]):
                return OrderFaults(kind=kind, slow=slow)
        if known:
            return OrderFaults(slow=slow)
        if code := self._error_code(reference, draws["code"]) or self._downtime_code(cp_id, second, rng):
            return OrderFaults(code=code, slow=slow)
        if self.occurs("held_by_courier", reference, self.rng("held", reference, nth).random()):
            return OrderFaults(slow=slow, held=True)
        return OrderFaults(slow=slow, queued=self.occurs("async_orders", reference, draws["async_orders"]))

    def for_call(self, endpoint: str, nth: int) -> CallFaults:
        """The faults of the nth call of an endpoint, apart from the endpoint's own."""
        slow = self._consume("slow", endpoint=endpoint) is not None
        for kind in (*CREATE_FAULTS, "error_code"):
            if fault := self._consume(kind, endpoint=endpoint):
                return CallFaults(kind, fault.code, slow)
        if endpoint in OWN_FAULTS:
            return CallFaults(slow=slow)
        rng = self.rng("call", endpoint, nth)
        for kind in ("http_500", "rate_limited"):
            if self.occurs(f"other_{kind}", "", rng.random()):
                return CallFaults(kind, slow=slow)
        return CallFaults(slow=slow)

    def for_poll(self, endpoint: str, nth: int) -> str | None:
        """The fault of the nth call of a polling endpoint, if any."""
        rng = self.rng("poll", endpoint, nth)
        for kind in ("poll_http_500", "poll_rate_limited"):
            if self.occurs(kind, "", rng.random()):
                return kind
        return None

    def occurs(self, kind: str, reference: str, draw: float) -> bool:
        """Whether a fault occurs: it was requested, or `draw` (0 to 1) is below its probability."""
        return self._consume(kind, reference) is not None or draw < float(getattr(self.faults, kind))

    def _consume(self, kind: str, reference: str = "", *, endpoint: str | None = None) -> RequestedFault | None:
        for fault in self._requested:
            if fault.kind == kind and fault.endpoint == endpoint and fault.reference_number in (None, reference):
                fault.times -= 1
                if fault.times <= 0:
                    self._requested.remove(fault)
                return fault
        return None

    def _error_code(self, reference: str, draw: float) -> int | None:
        if fault := self._consume("error_code", reference):
            return fault.code
        for code, probability in sorted(self.faults.error_codes.items()):
            if draw < probability:
                return code
            draw -= probability
        return None

    def _downtime_code(self, cp_id: int, second: float, rng: random.Random) -> int | None:
        for window in self.faults.downtime:
            if window.courier_partner_id == cp_id and window.from_second <= second < window.to_second:
                return rng.choice(DOWNTIME_CODES)
        return None
