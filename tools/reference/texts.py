"""The texts under the attributes of a class: of settings of a model, members of an enum, fields of a TypedDict."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from collections.abc import Mapping
from enum import Enum


def own_texts(owner: type) -> Mapping[str, str]:
    """The text under each attribute that the class itself declares; attributes without a text are left out."""
    (found,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    body = found.body if isinstance(found, ast.ClassDef) else []
    texts: dict[str, str] = {}
    for attribute, text in itertools.pairwise(body):
        match attribute, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                texts[name] = inspect.cleandoc(words)
            case _:
                continue
    return texts


def member_texts(kind: type[Enum]) -> list[tuple[str, str]]:
    """The value of each member of an enum and the text under it. Raises ValueError where a member has none."""
    texts = own_texts(kind)
    if missing := [member.name for member in kind if member.name not in texts]:
        raise ValueError(f"{kind.__name__}: no text under {', '.join(missing)}")
    return [(str(member.value), texts[member.name]) for member in kind]
