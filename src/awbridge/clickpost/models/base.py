"""What every request model shares: ClickPost's own field names, unknown fields passed through, nothing else sent.

The string under a field says what it means, with units and limits. Limits of an order that ClickPost publishes are
checked, for the couriers that they are published for (`place_rules`). Those of other requests are left for it to judge.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from awbridge.domain.json import JsonObject

Text = str | int
"""Text. ClickPost takes phones, pincodes and numbers of documents as numbers too; they are sent as they were given."""

Number = int | float | Decimal | str
"""A number, or text that is one ("200.00"). A Decimal is sent as text, so that money stays exact."""

Flag = bool | str
"""True or false, or text that says so."""

Day = date | str
"""A day: a date, or text as YYYY-MM-DD."""

Moment = datetime | str
"""A moment: a datetime, or text as ISO 8601."""


class RequestModel(BaseModel):
    """The body of a request to ClickPost, or a part of one. Frozen; `model_copy(update=...)` makes a changed one."""

    # Errors name the field and the problem, not the value: it may be a phone or an address.
    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    def payload(self) -> JsonObject:
        """The JSON object to send: the fields that were given, known or not, and no others."""
        return self.model_dump(mode="json", exclude_unset=True)

    def with_extra(self, **fields: Any) -> Self:
        """A copy with fields that this model does not know, such as the extras of one courier."""
        return self.model_copy(update=fields)


def as_payload(body: RequestModel | JsonObject) -> JsonObject:
    """The JSON object in either form of a request body."""
    return body.payload() if isinstance(body, RequestModel) else body
