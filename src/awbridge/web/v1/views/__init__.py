"""The JSON of the API, by capability: views of stored records.

Commands print it too, so nothing here imports FastAPI, which takes long.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


class View(BaseModel):
    """The JSON of a record. A route returns the record itself; FastAPI reads the view's fields from it."""

    model_config = ConfigDict(from_attributes=True)


Id = Annotated[str, BeforeValidator(str)]  # a string: the number is too large for some languages
