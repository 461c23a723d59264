"""What the API's responses have in common: views of stored records, ids, and the parameters of lists."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict


class View(BaseModel):
    """The JSON of a record. A route returns the record itself; FastAPI reads the view's fields from it."""

    model_config = ConfigDict(from_attributes=True)


Id = Annotated[str, BeforeValidator(str)]  # a string: the number is too large for some languages
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str | None, Query(description="`next` of the previous page.")]
Number = Annotated[int, Query(ge=0, lt=2**63)]  # an id as a cursor
