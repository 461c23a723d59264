"""The life of a parcel as a list of scans, drawn from a seed. No clock, no state.

The same seed and reference number always give the same journey, in whatever order the orders come in.
"""

import random
from dataclasses import dataclass, replace
from typing import Literal

from awbridge.sandbox.config import SandboxConfig
from awbridge.sandbox.wire.codes import NDR, NPR, UNDOCUMENTED, bucket_of

Place = Literal["origin", "hub", "destination"]
HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One scan to come. `offset` is in whole courier seconds after the first scan."""

    offset: int
    code: int
    status: str
    remark: str
    location: str
    city: str
    bucket: int
    ndr_code: int | None
    npr_code: int | None = None
    piece: int = 0
    """Which piece of a multi-piece shipment it is of, from 1; 0 is the shipment itself."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of a script: a status code, where it is scanned, and how many hours after the one before."""

    code: int
    place: Place
    hours: tuple[float, float]


TEXTS: dict[int, tuple[tuple[str, str], ...]] = {
    1: (("Manifested", "Shipment data received"), ("Order Created", "Pickup scheduled")),
    2: (("Not Picked", "Shipment not received from client"),),
    3: (("Pickup Failed", "Shipper was closed"), ("Manifested", "Shipper unavailable")),
    4: (("Picked Up", "Shipment picked up"), ("In Transit", "Received at origin centre")),
    5: (("In Transit", "Bag connected to destination"), ("Pending", "Added to bag"), ("In Transit", "Arrived at hub")),
    6: (("Dispatched", "Out for delivery"), ("OFD", "With the delivery executive")),
    8: (("Delivered", "Delivered to consignee"), ("DLVD", "Delivered, signed by recipient")),
    10: (("Canceled", "Cancelled before pickup"),),
    11: (("Return Requested", "Return to origin asked for"),),
    12: (("RTO", "Marked for return"),),
    13: (("RTO OFD", "Return out for delivery"),),
    14: (("RTO Delivered", "Returned to the shipper"),),
    16: (("LOST", "Shipment not traceable"),),
    17: (("Damaged", "Found damaged at hub"),),
    18: (("Delayed", "Held up by heavy rain"),),
    20: (("On Hold", "Held at hub"),),
    21: (("RTO In Transit", "Return bag connected"),),
    23: (("Expired", "No movement within the allowed days"),),
    25: (("Out for Pickup", "Pickup executive on the way"),),
    30: (("Exchange Picked", "Exchange parcel collected"),),
    31: (("Exchange In Transit", "Exchange parcel on its way back"),),
    32: (("Exchange Delivered", "Exchange parcel back at the shipper"),),
    1004: (("Reached Destination", "Received at destination centre"),),
}
CITIES = ("Delhi", "Mumbai", "Bengaluru", "Hyderabad", "Chennai", "Kolkata", "Pune", "Lucknow", "Jaipur", "Kochi")
STATES = {
    "Delhi": "Delhi",
    "Mumbai": "Maharashtra",
    "Bengaluru": "Karnataka",
    "Hyderabad": "Telangana",
    "Chennai": "Tamil Nadu",
    "Kolkata": "West Bengal",
    "Pune": "Maharashtra",
    "Lucknow": "Uttar Pradesh",
    "Jaipur": "Rajasthan",
    "Kochi": "Kerala",
}


def plan(*, config: SandboxConfig, reference: str, is_rvp: bool, is_exchange: bool) -> tuple[Step, ...]:
    """All scans of one order, the first at offset 0, each at least 1 second after the one before."""
    dice = random.Random(f"{config.seed}:{reference}:journey")
    script = _script(dice, config, is_rvp=is_rvp, is_exchange=is_exchange)
    cities: dict[Place, str] = dict(zip(("origin", "hub", "destination"), dice.sample(CITIES, 3), strict=True))
    steps: list[Step] = []
    offset = 0
    for mark in script:
        if steps:
            offset += max(1, round(dice.uniform(*mark.hours) * HOUR * config.gap_scale))
        steps.append(step_of(mark, offset, cities[mark.place], dice, config))
    return tuple(steps)


def beginning_registered(first: Step) -> Step:
    """The first step of a waybill that was booked elsewhere: ClickPost only knows that it is registered."""
    return replace(first, code=28, status="Registered", remark="Registered for tracking", bucket=bucket_of(28))


def detour(steps: tuple[Step, ...], done: int, *, back: bool, config: SandboxConfig, seed: str) -> tuple[Step, ...]:
    """The steps with all that was to come replaced: delivered at the next attempt, or (`back`) returned to origin."""
    dice = random.Random(f"{config.seed}:{seed}:detour:{done}")
    happened = steps[:done]
    last = happened[-1]
    cities: dict[Place, str] = {
        "origin": steps[0].city,
        "hub": happened[len(happened) // 2].city,
        "destination": last.city,
    }
    ahead: list[Step] = []
    offset = last.offset
    for mark in _back_to_origin(dice) if back else [_OUT, _DELIVERED]:
        offset += max(1, round(dice.uniform(*mark.hours) * HOUR * config.gap_scale))
        ahead.append(step_of(mark, offset, cities[mark.place], dice, config))
    return (*happened, *ahead)


def step_of(mark: Mark, offset: int, city: str, dice: random.Random, config: SandboxConfig) -> Step:
    """A line of a script as a scan to come."""
    ndr_code = dice.choice(tuple(NDR)) if mark.code == 9 else None
    if ndr_code is not None:
        status, remark = "Undelivered", NDR[ndr_code]
    else:
        status, remark = dice.choice(TEXTS.get(mark.code, (("In Transit", f"Processed, step {mark.code}"),)))
    bucket = dice.randint(1, 9) if dice.random() < config.wrong_buckets else bucket_of(mark.code)
    centre = dice.choice(("H", "DC", "Gateway", "C"))
    return Step(
        offset=offset,
        code=mark.code,
        status=status,
        remark=remark,
        location=f"{city}_{centre} ({STATES[city]})",
        city=city,
        bucket=bucket,
        ndr_code=ndr_code,
        npr_code=tuple(NPR)[offset % len(NPR)] if mark.code == 3 else None,
    )


def _script(dice: random.Random, config: SandboxConfig, *, is_rvp: bool, is_exchange: bool) -> list[Mark]:
    if is_rvp and not is_exchange:
        return _returned_by_customer(dice)
    if is_exchange:
        return [*_to_destination(dice, config), _OUT, _EXCHANGED, _EXCHANGE_MOVES, _EXCHANGE_BACK]
    weights = config.weights.model_dump()
    match dice.choices(tuple(weights), tuple(weights.values()))[0]:
        case "ndr_delivered":
            attempts = [mark for _ in range(dice.randint(1, 2)) for mark in (_OUT, _FAILED)]
            return [*_to_destination(dice, config), *attempts, _OUT, _DELIVERED]
        case "rto":
            attempts = [mark for _ in range(dice.randint(1, 3)) for mark in (_OUT, _FAILED)]
            return [*_to_destination(dice, config), *attempts, *_back_to_origin(dice)]
        case "cancelled":
            return [_PLACED, Mark(2, "origin", (4, 12)), Mark(3, "origin", (12, 24)), Mark(10, "origin", (6, 24))]
        case "lost":
            return [*_to_hub(dice), Mark(18, "hub", (12, 24)), Mark(16, "hub", (48, 96))]
        case "damaged":
            return [*_to_hub(dice), Mark(20, "hub", (6, 12)), Mark(17, "hub", (6, 24))]
        case "expired":
            return [_PLACED, Mark(2, "origin", (6, 12)), Mark(23, "origin", (72, 120))]
        case _:
            return [*_to_destination(dice, config), _OUT, _DELIVERED]


_PLACED = Mark(1, "origin", (0, 0))
_PICKUP = Mark(25, "origin", (2, 10))
_PICKED = Mark(4, "origin", (1, 6))
_OUT = Mark(6, "destination", (4, 16))
_FAILED = Mark(9, "destination", (2, 8))
_DELIVERED = Mark(8, "destination", (1, 8))
_EXCHANGED = Mark(30, "destination", (1, 6))
_EXCHANGE_MOVES = Mark(31, "hub", (8, 24))
_EXCHANGE_BACK = Mark(32, "origin", (12, 30))


def _to_hub(dice: random.Random) -> list[Mark]:
    return [_PLACED, _PICKUP, _PICKED, *[Mark(5, "hub", (5, 14)) for _ in range(dice.randint(1, 3))]]


def _to_destination(dice: random.Random, config: SandboxConfig) -> list[Mark]:
    marks = _to_hub(dice)
    if dice.random() < config.undocumented_codes:
        marks.append(Mark(dice.choice(UNDOCUMENTED), "hub", (1, 4)))
    if dice.random() < 0.4:
        marks.append(Mark(1004, "destination", (6, 18)))
    return marks


def _back_to_origin(dice: random.Random) -> list[Mark]:
    moves = [Mark(21, "hub", (10, 20)) for _ in range(dice.randint(1, 2))]
    return [
        Mark(11, "destination", (1, 6)),
        Mark(12, "destination", (1, 6)),
        *moves,
        Mark(13, "origin", (8, 20)),
        Mark(14, "origin", (1, 8)),
    ]


def _returned_by_customer(dice: random.Random) -> list[Mark]:
    retry = [Mark(3, "origin", (3, 8)), _PICKUP] if dice.random() < 0.3 else []
    return [_PLACED, _PICKUP, *retry, _PICKED, Mark(5, "hub", (6, 18)), _OUT, _DELIVERED]
