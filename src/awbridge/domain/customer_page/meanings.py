"""What a scan, a failed delivery and a return mean to a customer. The vendor's codes are translated in `clickpost`."""

from __future__ import annotations

from enum import StrEnum


class Meaning(StrEnum):
    """What a scan says, in the order of the journey. Its words are the text `scan.<meaning>` of a language."""

    REGISTERED = "registered"
    AWAITING_PICKUP = "awaiting_pickup"
    PICKUP_COMING = "pickup_coming"
    PICKUP_FAILED = "pickup_failed"
    PICKED_UP = "picked_up"
    ORIGIN_IN = "origin_in"
    ORIGIN_OUT = "origin_out"
    ON_THE_WAY = "on_the_way"
    DELAYED = "delayed"
    HELD = "held"
    ASK_US = "ask_us"
    NEARBY = "nearby"
    OUT_FOR_DELIVERY = "out_for_delivery"
    OUT_OF_AREA = "out_of_area"
    FAILED = "failed"
    DELIVERED = "delivered"
    EXCHANGE_PICKED_UP = "exchange_picked_up"
    EXCHANGE_ON_THE_WAY = "exchange_on_the_way"
    EXCHANGE_DONE = "exchange_done"
    GOING_BACK_ASKED = "going_back_asked"
    GOING_BACK = "going_back"
    GOING_BACK_ON_THE_WAY = "going_back_on_the_way"
    GOING_BACK_DELAYED = "going_back_delayed"
    GOING_BACK_ASK_US = "going_back_ask_us"
    GOING_BACK_NEARBY = "going_back_nearby"
    GOING_BACK_FAILED = "going_back_failed"
    BACK = "back"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DAMAGED = "damaged"
    LOST = "lost"


class Reason(StrEnum):
    """Why a delivery failed. Its words are `reason.<reason>`, what the customer can do is `advice.<reason>`."""

    UNKNOWN = "unknown"
    NOT_THERE = "not_there"
    REFUSED = "refused"
    POSTPONED = "postponed"
    NOT_TRIED = "not_tried"
    NOT_REACHED = "not_reached"
    ADDRESS = "address"
    PAYMENT = "payment"
    OUT_OF_AREA = "out_of_area"
    CANCELLED = "cancelled"
    PICK_UP_YOURSELF = "pick_up_yourself"
    SEIZED = "seized"
    OPEN_BOX = "open_box"
    MISROUTED = "misrouted"


class ReturnMeaning(StrEnum):
    """What happened to a return or exchange that the customer asked for. Its words are `return.<news>`."""

    RETURN_PLACED = "return_placed"
    RETURN_APPROVED = "return_approved"
    RETURN_REJECTED = "return_rejected"
    RETURN_UPDATED = "return_updated"
    EXCHANGE_PLACED = "exchange_placed"
    EXCHANGE_APPROVED = "exchange_approved"
    EXCHANGE_REJECTED = "exchange_rejected"
