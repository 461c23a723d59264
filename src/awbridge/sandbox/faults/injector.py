"""Which call fails, and how: probabilities drawn from the seed, and a list of faults requested by name.

Each draw depends on the seed, the reference number and the number of calls made for it, so that a run is repeatable
whatever the order in which calls arrive.
"""

import random
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from awbridge.sandbox.config import CREATE_FAULTS, ENDPOINT_FAULTS, FaultKind, Faults

DOWNTIME_CODES = (329, 319, 322)
POLLING = ("track_order", "updated_order")


class RequestedFault(BaseModel):
    """A fault that affects the next `times` matching calls. `code` is the business code of an error_code.

    Without an `endpoint`, it affects the calls that this kind of fault affects by default.
    """

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    times: Annotated[int, Field(ge=1)] = 1
    reference_number: str | None = None
    code: int = 329
    endpoint: str | None = None

    @model_validator(mode="after")
    def _fits_the_endpoint(self) -> Self:
        if self.endpoint not in (None, "create_order"):
            if self.kind not in ENDPOINT_FAULTS:
                raise ValueError(f"{self.kind} takes no endpoint; these do: {', '.join(sorted(ENDPOINT_FAULTS))}")
            if self.reference_number:
                raise ValueError("reference_number applies to create_order only")
        return self


@dataclass(frozen=True, slots=True)
class CallFaults:
    """The faults of one call. `kind` is error_code or one of CREATE_FAULTS; `code` a business error, 0 for none.

    `queued` and `held` apply to create-order.
    """

    kind: str | None = None
    code: int = 0
    slow: bool = False
    queued: bool = False
    held: bool = False


class FaultInjector:
    """Decides which calls and webhooks fail."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self.faults = faults
        self._seed = seed
        self.pending: list[RequestedFault] = []
        """Requested faults that have not occurred yet."""

    def rng(self, *parts: object) -> random.Random:
        """A random generator that yields the same values for the same parts."""
        return random.Random(":".join(str(part) for part in (self._seed, *parts)))

    def request(self, fault: RequestedFault) -> None:
        if fault.endpoint == "create_order":
            fault.endpoint = None  # for_order() decides about these calls
        self.pending.append(fault)

    def for_order(self, *, reference: str, nth: int, cp_id: int, known: bool, second: float) -> CallFaults:
        """The faults of the nth create-order call for a reference number.

        `known`: the order is already placed or queued, so the courier can no longer refuse it.
        """
        rng = self.rng("order", reference, nth)
        draws = {kind: rng.random() for kind in (*CREATE_FAULTS, "slow", "async_orders", "code")}
        slow = self.occurs("slow", reference, draws["slow"])
        for kind in CREATE_FAULTS:
            if self.occurs(kind, reference, draws[kind]):
                return CallFaults(kind=kind, slow=slow)
        if known:
            return CallFaults(slow=slow)
        if code := self._error_code(reference, draws["code"]) or self._downtime_code(cp_id, second, rng):
            return CallFaults(code=code, slow=slow)
        if self.occurs("held_by_courier", reference, self.rng("held", reference, nth).random()):
            return CallFaults(slow=slow, held=True)
        return CallFaults(slow=slow, queued=self.occurs("async_orders", reference, draws["async_orders"]))

    def for_call(self, endpoint: str, nth: int) -> CallFaults:
        """The faults of the nth call of an endpoint. Those of create-order itself are decided by `for_order`."""
        slow = self._consume("slow", endpoint=endpoint) is not None
        for kind in (*CREATE_FAULTS, "error_code"):
            if fault := self._consume(kind, endpoint=endpoint):
                return CallFaults(kind, fault.code, slow)
        if endpoint != "create_order":
            seed, prefix = ("poll", "poll") if endpoint in POLLING else ("call", "other")
            rng = self.rng(seed, endpoint, nth)
            for kind in ("http_500", "rate_limited"):
                if self.occurs(f"{prefix}_{kind}", "", rng.random()):
                    return CallFaults(kind, slow=slow)
        return CallFaults(slow=slow)

    def occurs(self, kind: str, reference: str, draw: float) -> bool:
        """Whether a fault occurs: it was requested, or `draw` (0 to 1) is below its probability."""
        return self._consume(kind, reference) is not None or draw < float(getattr(self.faults, kind))

    def _consume(self, kind: str, reference: str = "", *, endpoint: str | None = None) -> RequestedFault | None:
        for fault in self.pending:
            if fault.kind == kind and fault.endpoint == endpoint and fault.reference_number in (None, reference):
                fault.times -= 1
                if fault.times <= 0:
                    self.pending.remove(fault)
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
