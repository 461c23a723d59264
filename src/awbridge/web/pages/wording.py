"""What pages call ClickPost's statuses and our states: words for people, in the visitor's language."""

from __future__ import annotations

from awbridge.web.pages.language import gettext, gettext_noop

# By ClickPost's names (clickpost/wire/tracking_codes.py). A name that is not here is shown as it is.
STATUS_WORDS: dict[str, str] = {
    "AwbRegistered": gettext_noop("AWB registered"),
    "OrderPlaced": gettext_noop("Order placed"),
    "PickupPending": gettext_noop("Pickup pending"),
    "OutForPickup": gettext_noop("Out for pickup"),
    "PickupFailed": gettext_noop("Pickup failed"),
    "PickedUp": gettext_noop("Picked up"),
    "OriginCityIn": gettext_noop("Arrived in origin city"),
    "OriginCityOut": gettext_noop("Left origin city"),
    "InTransit": gettext_noop("In transit"),
    "ShipmentDelayed": gettext_noop("Delayed"),
    "ShipmentHeld": gettext_noop("Held by courier"),
    "ContactCustomerCare": gettext_noop("Contact customer care"),
    "DestinationHubIn": gettext_noop("At destination hub"),
    "OutForDelivery": gettext_noop("Out for delivery"),
    "NotServiceable": gettext_noop("Not serviceable"),
    "FailedDelivery": gettext_noop("Failed delivery"),
    "Delivered": gettext_noop("Delivered"),
    "ExchangePickup": gettext_noop("Exchange: picked up"),
    "ExchangeInTransit": gettext_noop("Exchange: in transit"),
    "ExchangeDelivered": gettext_noop("Exchange: delivered"),
    "RTO-Requested": gettext_noop("RTO requested"),
    "RTO-Marked": gettext_noop("RTO marked"),
    "RTO-InTransit": gettext_noop("RTO in transit"),
    "RTO-ShipmentDelayed": gettext_noop("RTO delayed"),
    "RTO-ContactCustomerCare": gettext_noop("RTO: contact customer care"),
    "RTO-OutForDelivery": gettext_noop("RTO out for delivery"),
    "RTO-Failed": gettext_noop("RTO failed"),
    "RTO-Delivered": gettext_noop("RTO delivered"),
    "Expired": gettext_noop("Expired"),
    "CancelledOrder": gettext_noop("Cancelled order"),
    "Damaged": gettext_noop("Damaged"),
    "Lost": gettext_noop("Lost"),
    "Return Request Placed": gettext_noop("Return requested"),
    "Return Request Approved": gettext_noop("Return approved"),
}


def status_words(name: str) -> str:
    """A tracking status as people say it: `OutForDelivery` is "Out for delivery"."""
    return gettext(STATUS_WORDS.get(name, name))


def words(value: object) -> str:
    """A value of ours, such as a state: `gave_up` is "gave up"."""
    return gettext(str(value).replace("_", " "))


def sentence(text: str) -> str:
    """The text of an error as a sentence: with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
