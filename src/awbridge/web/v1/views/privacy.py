"""The JSON of erasures."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from awbridge.web.v1.views import Id, View


class ErasureView(View):
    """An erasure. `person` is a pseudonym or a mask, never the phone number."""

    id: Id = Field(description="Its id.")
    kind: str = Field(description="phone or reference.")
    person: str = Field(validation_alias="pseudonym", description="A pseudonym or a mask of the person.")
    requested_at: datetime = Field(description="When it was requested.")
    done_at: datetime | None = Field(description="When it was done; null until then.")
    counts: dict[str, int] = Field(description="How many rows were changed, by table.")
    problem: str | None = Field(description="Why it is not done yet; null if nothing is wrong.")
