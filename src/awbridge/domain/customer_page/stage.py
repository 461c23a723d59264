"""Where a parcel stands, in a customer's words: `headline.<stage>` and `next.<stage>` of a language. Tables only."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from awbridge.domain.customer_page.meanings import Meaning


class Stage(StrEnum):
    """Where a parcel stands."""

    PREPARING = "preparing"
    HANDED_OVER = "handed_over"
    PICKUP_COMING = "pickup_coming"
    PICKUP_FAILED = "pickup_failed"
    PICKED_UP = "picked_up"
    ON_THE_WAY = "on_the_way"
    NEARBY = "nearby"
    OUT_FOR_DELIVERY = "out_for_delivery"
    LATE = "late"
    NO_NEWS = "no_news"
    DELAYED = "delayed"
    HELD = "held"
    ASK_US = "ask_us"
    FAILED = "failed"
    OUT_OF_AREA = "out_of_area"
    DELIVERED = "delivered"
    GOING_BACK_ASKED = "going_back_asked"
    GOING_BACK = "going_back"
    BACK = "back"
    EXCHANGE_PICKED_UP = "exchange_picked_up"
    EXCHANGE_ON_THE_WAY = "exchange_on_the_way"
    EXCHANGE_DONE = "exchange_done"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DAMAGED = "damaged"
    LOST = "lost"
    REPLACED = "replaced"
    RETURN_ARRANGED = "return_arranged"
    RETURN_PICKUP_COMING = "return_pickup_coming"
    RETURN_PICKUP_FAILED = "return_pickup_failed"
    RETURN_ON_THE_WAY = "return_on_the_way"
    RETURN_RECEIVED = "return_received"
    RETURN_CANCELLED = "return_cancelled"
    RETURN_GOING_BACK = "return_going_back"
    RETURN_BACK = "return_back"


STAGES: Final[Mapping[Meaning, Stage]] = {
    Meaning.REGISTERED: Stage.HANDED_OVER,
    Meaning.AWAITING_PICKUP: Stage.HANDED_OVER,
    Meaning.PICKUP_COMING: Stage.PICKUP_COMING,
    Meaning.PICKUP_FAILED: Stage.PICKUP_FAILED,
    Meaning.PICKED_UP: Stage.PICKED_UP,
    Meaning.ORIGIN_IN: Stage.ON_THE_WAY,
    Meaning.ORIGIN_OUT: Stage.ON_THE_WAY,
    Meaning.ON_THE_WAY: Stage.ON_THE_WAY,
    Meaning.DELAYED: Stage.DELAYED,
    Meaning.HELD: Stage.HELD,
    Meaning.ASK_US: Stage.ASK_US,
    Meaning.NEARBY: Stage.NEARBY,
    Meaning.OUT_FOR_DELIVERY: Stage.OUT_FOR_DELIVERY,
    Meaning.OUT_OF_AREA: Stage.OUT_OF_AREA,
    Meaning.FAILED: Stage.FAILED,
    Meaning.DELIVERED: Stage.DELIVERED,
    Meaning.EXCHANGE_PICKED_UP: Stage.EXCHANGE_PICKED_UP,
    Meaning.EXCHANGE_ON_THE_WAY: Stage.EXCHANGE_ON_THE_WAY,
    Meaning.EXCHANGE_DONE: Stage.EXCHANGE_DONE,
    Meaning.GOING_BACK_ASKED: Stage.GOING_BACK_ASKED,
    Meaning.GOING_BACK: Stage.GOING_BACK,
    Meaning.GOING_BACK_ON_THE_WAY: Stage.GOING_BACK,
    Meaning.GOING_BACK_DELAYED: Stage.GOING_BACK,
    Meaning.GOING_BACK_ASK_US: Stage.GOING_BACK,
    Meaning.GOING_BACK_NEARBY: Stage.GOING_BACK,
    Meaning.GOING_BACK_FAILED: Stage.GOING_BACK,
    Meaning.BACK: Stage.BACK,
    Meaning.EXPIRED: Stage.EXPIRED,
    Meaning.CANCELLED: Stage.CANCELLED,
    Meaning.DAMAGED: Stage.DAMAGED,
    Meaning.LOST: Stage.LOST,
}

_WAY_BACK_TO_THE_CUSTOMER = (
    Meaning.GOING_BACK_ASKED,
    Meaning.GOING_BACK,
    Meaning.GOING_BACK_ON_THE_WAY,
    Meaning.GOING_BACK_DELAYED,
    Meaning.GOING_BACK_ASK_US,
    Meaning.GOING_BACK_NEARBY,
    Meaning.GOING_BACK_FAILED,
)

# Of a return, which the courier collects from the customer. What is missing here means the same for a return.
STAGES_OF_RETURNS: Final[Mapping[Meaning, Stage]] = {
    Meaning.REGISTERED: Stage.RETURN_ARRANGED,
    Meaning.AWAITING_PICKUP: Stage.RETURN_ARRANGED,
    Meaning.PICKUP_COMING: Stage.RETURN_PICKUP_COMING,
    Meaning.PICKUP_FAILED: Stage.RETURN_PICKUP_FAILED,
    Meaning.OUT_OF_AREA: Stage.RETURN_PICKUP_FAILED,
    Meaning.PICKED_UP: Stage.RETURN_ON_THE_WAY,
    Meaning.ORIGIN_IN: Stage.RETURN_ON_THE_WAY,
    Meaning.ORIGIN_OUT: Stage.RETURN_ON_THE_WAY,
    Meaning.ON_THE_WAY: Stage.RETURN_ON_THE_WAY,
    Meaning.DELAYED: Stage.RETURN_ON_THE_WAY,
    Meaning.HELD: Stage.RETURN_ON_THE_WAY,
    Meaning.NEARBY: Stage.RETURN_ON_THE_WAY,
    Meaning.OUT_FOR_DELIVERY: Stage.RETURN_ON_THE_WAY,
    Meaning.FAILED: Stage.RETURN_ON_THE_WAY,
    Meaning.DELIVERED: Stage.RETURN_RECEIVED,
    Meaning.CANCELLED: Stage.RETURN_CANCELLED,
    Meaning.EXPIRED: Stage.RETURN_CANCELLED,
    Meaning.BACK: Stage.RETURN_BACK,
    **dict.fromkeys(_WAY_BACK_TO_THE_CUSTOMER, Stage.RETURN_GOING_BACK),
}


class Tone(StrEnum):
    """How a stage is coloured: it never says more than its words."""

    QUIET = "quiet"
    ACTIVE = "active"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


_TONES: Final[Mapping[Stage, Tone]] = {
    **dict.fromkeys((Stage.DELIVERED, Stage.RETURN_RECEIVED, Stage.EXCHANGE_DONE), Tone.GOOD),
    **dict.fromkeys((Stage.DAMAGED, Stage.LOST, Stage.FAILED, Stage.OUT_OF_AREA), Tone.BAD),
    **dict.fromkeys(
        (
            *(Stage.LATE, Stage.NO_NEWS, Stage.DELAYED, Stage.HELD, Stage.ASK_US, Stage.GOING_BACK_ASKED),
            *(Stage.GOING_BACK, Stage.BACK, Stage.RETURN_PICKUP_FAILED, Stage.RETURN_GOING_BACK, Stage.RETURN_BACK),
        ),
        Tone.WARN,
    ),
    **dict.fromkeys((Stage.CANCELLED, Stage.RETURN_CANCELLED, Stage.EXPIRED, Stage.REPLACED), Tone.QUIET),
}


def tone_of(stage: Stage) -> Tone:
    """The tone of a stage."""
    return _TONES.get(stage, Tone.ACTIVE)
