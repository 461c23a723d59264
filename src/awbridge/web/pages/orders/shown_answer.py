"""A customer's answer as the operators' pages show it."""

from __future__ import annotations

from dataclasses import dataclass

from awbridge.clickpost.wire.tracking_codes import ndr_name
from awbridge.domain.customer_page.answers import AnswerState, CustomerAnswer, CustomerAnswerKind
from awbridge.domain.orders.shipment import Shipment
from awbridge.steps.orders.shipment_columns import courier_name
from awbridge.web.pages.language import gettext, gettext_noop
from awbridge.web.pages.orders.shipment_url import shipment_url

ANSWERS_PATH = "/ndr/answers"
KIND_TEXTS = {
    CustomerAnswerKind.DELIVER_AGAIN: gettext_noop("deliver again"),
    CustomerAnswerKind.NEW_PHONE: gettext_noop("another phone number"),
    CustomerAnswerKind.NEW_ADDRESS: gettext_noop("a more precise address"),
    CustomerAnswerKind.PICK_UP: gettext_noop("pick it up"),
    CustomerAnswerKind.REFUSE: gettext_noop("refuse it"),
    CustomerAnswerKind.NOT_RECEIVED: gettext_noop("did not receive it"),
}
STATE_TEXTS = {
    AnswerState.RECEIVED: gettext_noop("waits for you"),
    AnswerState.SENT: gettext_noop("sent to the courier"),
    AnswerState.DONE: gettext_noop("done"),
    AnswerState.REFUSED: gettext_noop("refused by the courier"),
    AnswerState.OVERTAKEN: gettext_noop("overtaken"),
    AnswerState.DISMISSED: gettext_noop("dismissed"),
    AnswerState.REPLACED: gettext_noop("replaced by a later answer"),
}
_TONES = {AnswerState.RECEIVED: "wait", AnswerState.DONE: "good", AnswerState.REFUSED: "bad"}
_FIELDS = {
    "phone_number": gettext_noop("New phone number"),
    "address": gettext_noop("New address"),
    "landmark": gettext_noop("New landmark"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAnswer:
    """A customer's answer as a row."""

    answer: CustomerAnswer
    shipment: Shipment | None = None

    @property
    def url(self) -> str:
        """The page of this answer."""
        return f"{ANSWERS_PATH}/{self.answer.id}"

    @property
    def parcel_url(self) -> str:
        """The page of its shipment."""
        return shipment_url(self.answer.reference_number)

    @property
    def courier(self) -> str:
        """The courier's name and account; "" if the shipment is gone."""
        if self.shipment is None:
            return ""
        return courier_name(self.shipment.courier_partner_id, self.shipment.account_code)

    @property
    def reason(self) -> str:
        """Why the delivery failed; "" if that is not known."""
        return gettext(ndr_name(self.answer.ndr_code))

    @property
    def kind(self) -> str:
        """What the customer wants."""
        return gettext(KIND_TEXTS[self.answer.kind])

    @property
    def state(self) -> str:
        """What became of it."""
        return gettext(STATE_TEXTS[self.answer.state])

    @property
    def tone(self) -> str:
        """The tone of the state's badge."""
        return _TONES.get(self.answer.state, "plain")

    @property
    def details(self) -> list[tuple[str, str]]:
        """(label, text) of what the customer entered."""
        body = self.answer.body
        return [(gettext(label), str(body[name])) for name, label in _FIELDS.items() if body.get(name)]
