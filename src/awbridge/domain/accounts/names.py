"""The names of accounts, and what is called by them: the schema in PostgreSQL, the part of a variable's name."""

from __future__ import annotations

import re

LONGEST_NAME = 32  # characters
HOME = "home"  # what texts call the account without a name
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)
_FORM = "a letter, then letters, digits, - and _, all lower case, at most 32 in total, such as india"


def is_name(text: str) -> bool:
    """Whether an account may have this name."""
    return _NAME.fullmatch(text) is not None and text != HOME


def name_problem(text: str) -> str:
    """Why an account cannot have this name, to follow it; "" if it can."""
    if text == HOME:
        return "is the account that has no name; choose another name"
    return "" if is_name(text) else f"is not the name of an account: {_FORM}"


def schema_of(name: str) -> str:
    """The PostgreSQL schema of an account. `a-b` and `a_b` have the same, so only one of them may exist."""
    return f"account_{name.replace('-', '_')}"


def variable_of(name: str) -> str:
    """How variables of the environment call an account."""
    return name.replace("-", "_").upper()
