"""The JSON of erasures."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from awbridge.web.v1.views import Id, View


class ErasureView(View):
    """An erasure. `person` is a pseudonym or a mask, never the phone number."""

    id: Id
    kind: str
    person: str = Field(validation_alias="pseudonym")
    requested_at: datetime
    done_at: datetime | None
    counts: dict[str, int]
    problem: str | None
