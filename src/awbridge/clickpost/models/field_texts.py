"""The texts under the fields of request models: meaning, unit and limits of each."""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
from collections.abc import Iterator
from functools import cache

from pydantic import BaseModel


def field_texts(model: type[BaseModel]) -> dict[str, str]:
    """The text under each field, inherited fields first. Empty where the source of the model is not installed."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if issubclass(owner, BaseModel) and owner is not BaseModel:
            found.update(_texts_in(owner.__module__).get(owner.__name__, {}))
    return found


@cache
def _texts_in(module: str) -> dict[str, dict[str, str]]:
    """The texts of all classes of a module."""
    try:
        source = inspect.getsource(sys.modules[module])
    except OSError:
        return {}
    classes = (found for found in ast.parse(source).body if isinstance(found, ast.ClassDef))
    return {found.name: dict(_texts_of(found)) for found in classes}


def _texts_of(owner: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, text in itertools.pairwise(owner.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                yield name, inspect.cleandoc(words)
            case _:
                continue
