"""Where a parcel stands, in a customer's words: `headline.<stage>` and `next.<stage>` of a language. Tables only."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from awbridge.domain.customer_page.meanings import Meaning


class ParcelStage(StrEnum):
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


STAGES: Final[Mapping[Meaning, ParcelStage]] = {
    Meaning.REGISTERED: ParcelStage.HANDED_OVER,
    Meaning.AWAITING_PICKUP: ParcelStage.HANDED_OVER,
    Meaning.PICKUP_COMING: ParcelStage.PICKUP_COMING,
    Meaning.PICKUP_FAILED: ParcelStage.PICKUP_FAILED,
    Meaning.PICKED_UP: ParcelStage.PICKED_UP,
    Meaning.ORIGIN_IN: ParcelStage.ON_THE_WAY,
    Meaning.ORIGIN_OUT: ParcelStage.ON_THE_WAY,
    Meaning.ON_THE_WAY: ParcelStage.ON_THE_WAY,
    Meaning.DELAYED: ParcelStage.DELAYED,
    Meaning.HELD: ParcelStage.HELD,
    Meaning.ASK_US: ParcelStage.ASK_US,
    Meaning.NEARBY: ParcelStage.NEARBY,
    Meaning.OUT_FOR_DELIVERY: ParcelStage.OUT_FOR_DELIVERY,
    Meaning.OUT_OF_AREA: ParcelStage.OUT_OF_AREA,
    Meaning.FAILED: ParcelStage.FAILED,
    Meaning.DELIVERED: ParcelStage.DELIVERED,
    Meaning.EXCHANGE_PICKED_UP: ParcelStage.EXCHANGE_PICKED_UP,
    Meaning.EXCHANGE_ON_THE_WAY: ParcelStage.EXCHANGE_ON_THE_WAY,
    Meaning.EXCHANGE_DONE: ParcelStage.EXCHANGE_DONE,
    Meaning.GOING_BACK_ASKED: ParcelStage.GOING_BACK_ASKED,
    Meaning.GOING_BACK: ParcelStage.GOING_BACK,
    Meaning.GOING_BACK_ON_THE_WAY: ParcelStage.GOING_BACK,
    Meaning.GOING_BACK_DELAYED: ParcelStage.GOING_BACK,
    Meaning.GOING_BACK_ASK_US: ParcelStage.GOING_BACK,
    Meaning.GOING_BACK_NEARBY: ParcelStage.GOING_BACK,
    Meaning.GOING_BACK_FAILED: ParcelStage.GOING_BACK,
    Meaning.BACK: ParcelStage.BACK,
    Meaning.EXPIRED: ParcelStage.EXPIRED,
    Meaning.CANCELLED: ParcelStage.CANCELLED,
    Meaning.DAMAGED: ParcelStage.DAMAGED,
    Meaning.LOST: ParcelStage.LOST,
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
STAGES_OF_RETURNS: Final[Mapping[Meaning, ParcelStage]] = {
    Meaning.REGISTERED: ParcelStage.RETURN_ARRANGED,
    Meaning.AWAITING_PICKUP: ParcelStage.RETURN_ARRANGED,
    Meaning.PICKUP_COMING: ParcelStage.RETURN_PICKUP_COMING,
    Meaning.PICKUP_FAILED: ParcelStage.RETURN_PICKUP_FAILED,
    Meaning.OUT_OF_AREA: ParcelStage.RETURN_PICKUP_FAILED,
    Meaning.PICKED_UP: ParcelStage.RETURN_ON_THE_WAY,
    Meaning.ORIGIN_IN: ParcelStage.RETURN_ON_THE_WAY,
    Meaning.ORIGIN_OUT: ParcelStage.RETURN_ON_THE_WAY,
    Meaning.ON_THE_WAY: ParcelStage.RETURN_ON_THE_WAY,
    Meaning.DELAYED: ParcelStage.RETURN_ON_THE_WAY,
    Meaning.HELD: ParcelStage.RETURN_ON_THE_WAY,
    Meaning.NEARBY: ParcelStage.RETURN_ON_THE_WAY,
    Meaning.OUT_FOR_DELIVERY: ParcelStage.RETURN_ON_THE_WAY,
    Meaning.FAILED: ParcelStage.RETURN_ON_THE_WAY,
    Meaning.DELIVERED: ParcelStage.RETURN_RECEIVED,
    Meaning.CANCELLED: ParcelStage.RETURN_CANCELLED,
    Meaning.EXPIRED: ParcelStage.RETURN_CANCELLED,
    Meaning.BACK: ParcelStage.RETURN_BACK,
    **dict.fromkeys(_WAY_BACK_TO_THE_CUSTOMER, ParcelStage.RETURN_GOING_BACK),
}


class Tone(StrEnum):
    """How a stage is coloured: it never says more than its words."""

    QUIET = "quiet"
    ACTIVE = "active"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


_TONES: Final[Mapping[ParcelStage, Tone]] = {
    **dict.fromkeys((ParcelStage.DELIVERED, ParcelStage.RETURN_RECEIVED, ParcelStage.EXCHANGE_DONE), Tone.GOOD),
    **dict.fromkeys((ParcelStage.DAMAGED, ParcelStage.LOST, ParcelStage.FAILED, ParcelStage.OUT_OF_AREA), Tone.BAD),
    **dict.fromkeys(
        (
            *(
                ParcelStage.LATE,
                ParcelStage.NO_NEWS,
                ParcelStage.DELAYED,
                ParcelStage.HELD,
                ParcelStage.ASK_US,
                ParcelStage.GOING_BACK_ASKED,
            ),
            *(
                ParcelStage.GOING_BACK,
                ParcelStage.BACK,
                ParcelStage.RETURN_PICKUP_FAILED,
                ParcelStage.RETURN_GOING_BACK,
                ParcelStage.RETURN_BACK,
            ),
        ),
        Tone.WARN,
    ),
    **dict.fromkeys(
        (ParcelStage.CANCELLED, ParcelStage.RETURN_CANCELLED, ParcelStage.EXPIRED, ParcelStage.REPLACED), Tone.QUIET
    ),
}


def tone_of(stage: ParcelStage) -> Tone:
    """The tone of a stage."""
    return _TONES.get(stage, Tone.ACTIVE)
