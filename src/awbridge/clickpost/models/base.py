"""The base of all request models: ClickPost's own field names, unknown fields passed through, nothing else sent.

The string under a field gives its meaning, units and limits. The limits that ClickPost publishes for orders are
checked, for the couriers that they apply to (`place_rules`). The limits of other requests are left to ClickPost.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from awbridge.domain.json import JsonObject

Text = str | int
"""Text. ClickPost also takes phones, pincodes and document numbers as numbers; they are sent as given."""

Number = int | float | Decimal | str
"""A number, or a number as text ("200.00"). A Decimal is sent as text, so that money stays exact."""

Flag = bool | str
"""True or false, or either as text."""

Day = date | str
"""A day: a date, or text as YYYY-MM-DD."""

Moment = datetime | str
"""A point in time: a datetime, or text as ISO 8601."""


class RequestModel(BaseModel):
    """The body of a request to ClickPost, or a part of one. Frozen: change it with `model_copy(update=...)`."""

    # Errors name the field and the problem, not the value, which may be a phone, an address or a key.
    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True, defer_build=True)

    def payload(self) -> JsonObject:
        """The JSON object to send: the given fields, known or not, and no others."""
        return self.model_dump(mode="json", exclude_unset=True)

    def with_extra(self, **fields: Any) -> Self:
        """A copy with fields that the model does not define, such as those of one courier."""
        return self.model_copy(update=fields)


def as_payload(body: RequestModel | JsonObject) -> JsonObject:
    """The JSON object of a request body in either form."""
    return body.payload() if isinstance(body, RequestModel) else body
