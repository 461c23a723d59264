"""The journey of a parcel as a list of scans, drawn from the seed. No clock, no state.

The same seed and reference number always yield the same journey, whatever the order of calls.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from awbridge.sandbox.config import SandboxConfig
from awbridge.sandbox.wire.codes import NDR_REASONS, NPR_REASONS, UNDOCUMENTED, bucket_of

ScanSite = Literal["origin", "hub", "destination"]
HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanStatus:
    code: int
    status: str
    remark: str
    location: str
    city: str
    bucket: int
    ndr_code: int | None = None
    npr_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyStep(ScanStatus):
    """A planned scan. `offset` is in whole courier seconds after the first scan."""

    offset: int
    piece: int = 0
    """The piece of a multi-piece shipment, from 1; 0 is the shipment itself."""


Journey: TypeAlias = tuple[JourneyStep, ...]


@dataclass(frozen=True, slots=True)
class JourneyStage:
    """A stage of a journey: a status code, where it is scanned, and the range of hours since the previous stage."""

    code: int
    site: ScanSite
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
    11: (("Return Requested", "Return to origin requested"),),
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
CITIES = tuple(STATES)


def plan_journey(*, config: SandboxConfig, reference: str, is_rvp: bool, is_exchange: bool) -> Journey:
    """All scans of one order. The first has offset 0; each is at least 1 second after the previous one."""
    rng = random.Random(f"{config.seed}:{reference}:journey")
    stages = _draw_stages(rng, config, is_rvp=is_rvp, is_exchange=is_exchange)
    cities: dict[ScanSite, str] = dict(zip(("origin", "hub", "destination"), rng.sample(CITIES, 3), strict=True))
    return _build_steps(stages, cities, rng, config)


def as_registered(first: JourneyStep) -> JourneyStep:
    """The first step of a waybill that was booked elsewhere: its status is that it was registered."""
    return replace(first, code=28, status="Registered", remark="Registered for tracking", bucket=bucket_of(28))


def replan(steps: Journey, completed: int, *, back: bool, config: SandboxConfig, seed: str) -> Journey:
    """Replace the steps after `completed`: delivery at the next attempt, or (`back`) return to origin."""
    rng = random.Random(f"{config.seed}:{seed}:detour:{completed}")
    past = steps[:completed]
    last = past[-1]
    cities: dict[ScanSite, str] = {
        "origin": steps[0].city,
        "hub": past[len(past) // 2].city,
        "destination": last.city,
    }
    stages = _back_to_origin(rng) if back else [_OUT_FOR_DELIVERY, _DELIVERED]
    return past + _build_steps(stages, cities, rng, config, after=last.offset)


def _build_steps(
    stages: Iterable[JourneyStage],
    cities: Mapping[ScanSite, str],
    rng: random.Random,
    config: SandboxConfig,
    *,
    after: int | None = None,
) -> Journey:
    offset, steps = after, list[JourneyStep]()
    for stage in stages:
        gap = 0 if offset is None else max(1, round(rng.uniform(*stage.hours) * HOUR * config.gap_scale))
        offset = (offset or 0) + gap
        steps.append(build_step(stage, offset, cities[stage.site], rng, config))
    return tuple(steps)


def build_step(stage: JourneyStage, offset: int, city: str, rng: random.Random, config: SandboxConfig) -> JourneyStep:
    ndr_code = rng.choice(tuple(NDR_REASONS)) if stage.code == 9 else None
    if ndr_code is not None:
        status, remark = "Undelivered", NDR_REASONS[ndr_code]
    else:
        status, remark = rng.choice(TEXTS.get(stage.code, (("In Transit", f"Processed, step {stage.code}"),)))
    bucket = rng.randint(1, 9) if rng.random() < config.wrong_buckets else bucket_of(stage.code)
    centre = rng.choice(("H", "DC", "Gateway", "C"))
    return JourneyStep(
        offset=offset,
        code=stage.code,
        status=status,
        remark=remark,
        location=f"{city}_{centre} ({STATES[city]})",
        city=city,
        bucket=bucket,
        ndr_code=ndr_code,
        npr_code=tuple(NPR_REASONS)[offset % len(NPR_REASONS)] if stage.code == 3 else None,
    )


def _draw_stages(rng: random.Random, config: SandboxConfig, *, is_rvp: bool, is_exchange: bool) -> list[JourneyStage]:
    if is_rvp and not is_exchange:
        return _returned_by_customer(rng)
    if is_exchange:
        return [*_to_destination(rng, config), _OUT_FOR_DELIVERY, _EXCHANGED, _EXCHANGE_MOVES, _EXCHANGE_BACK]
    weights = config.weights.model_dump()
    match rng.choices(tuple(weights), tuple(weights.values()))[0]:
        case "ndr_delivered":
            attempts = [stage for _ in range(rng.randint(1, 2)) for stage in (_OUT_FOR_DELIVERY, _FAILED)]
            return [*_to_destination(rng, config), *attempts, _OUT_FOR_DELIVERY, _DELIVERED]
        case "rto":
            attempts = [stage for _ in range(rng.randint(1, 3)) for stage in (_OUT_FOR_DELIVERY, _FAILED)]
            return [*_to_destination(rng, config), *attempts, *_back_to_origin(rng)]
        case "cancelled":
            return [
                _PLACED,
                JourneyStage(2, "origin", (4, 12)),
                JourneyStage(3, "origin", (12, 24)),
                JourneyStage(10, "origin", (6, 24)),
            ]
        case "lost":
            return [*_to_hub(rng), JourneyStage(18, "hub", (12, 24)), JourneyStage(16, "hub", (48, 96))]
        case "damaged":
            return [*_to_hub(rng), JourneyStage(20, "hub", (6, 12)), JourneyStage(17, "hub", (6, 24))]
        case "expired":
            return [_PLACED, JourneyStage(2, "origin", (6, 12)), JourneyStage(23, "origin", (72, 120))]
        case _:
            return [*_to_destination(rng, config), _OUT_FOR_DELIVERY, _DELIVERED]


_PLACED = JourneyStage(1, "origin", (0, 0))
_OUT_FOR_PICKUP = JourneyStage(25, "origin", (2, 10))
_PICKED_UP = JourneyStage(4, "origin", (1, 6))
_OUT_FOR_DELIVERY = JourneyStage(6, "destination", (4, 16))
_FAILED = JourneyStage(9, "destination", (2, 8))
_DELIVERED = JourneyStage(8, "destination", (1, 8))
_EXCHANGED = JourneyStage(30, "destination", (1, 6))
_EXCHANGE_MOVES = JourneyStage(31, "hub", (8, 24))
_EXCHANGE_BACK = JourneyStage(32, "origin", (12, 30))


def _to_hub(rng: random.Random) -> list[JourneyStage]:
    return [_PLACED, _OUT_FOR_PICKUP, _PICKED_UP, *[JourneyStage(5, "hub", (5, 14)) for _ in range(rng.randint(1, 3))]]


def _to_destination(rng: random.Random, config: SandboxConfig) -> list[JourneyStage]:
    stages = _to_hub(rng)
    if rng.random() < config.undocumented_codes:
        stages.append(JourneyStage(rng.choice(UNDOCUMENTED), "hub", (1, 4)))
    if rng.random() < 0.4:
        stages.append(JourneyStage(1004, "destination", (6, 18)))
    return stages


def _back_to_origin(rng: random.Random) -> list[JourneyStage]:
    moves = [JourneyStage(21, "hub", (10, 20)) for _ in range(rng.randint(1, 2))]
    return [
        JourneyStage(11, "destination", (1, 6)),
        JourneyStage(12, "destination", (1, 6)),
        *moves,
        JourneyStage(13, "origin", (8, 20)),
        JourneyStage(14, "origin", (1, 8)),
    ]


def _returned_by_customer(rng: random.Random) -> list[JourneyStage]:
    retry = [JourneyStage(3, "origin", (3, 8)), _OUT_FOR_PICKUP] if rng.random() < 0.3 else []
    return [
        _PLACED,
        _OUT_FOR_PICKUP,
        *retry,
        _PICKED_UP,
        JourneyStage(5, "hub", (6, 18)),
        _OUT_FOR_DELIVERY,
        _DELIVERED,
    ]
