"""Logins, passwords and tokens: their form, how long they last, and what is stored of them. Pure."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta

SHORTEST_PASSWORD = 12  # characters
LONGEST_PASSWORD = 200
LONGEST_LOGIN = 200
KEY_PREFIX = "awbridge_"  # of every API key, so that scanners for leaked secrets recognise one

SESSION_LASTS = timedelta(days=7)  # however much it is used
SESSION_RESTS = timedelta(hours=12)  # without a request
LINK_LASTS = timedelta(hours=24)  # a one-time link to set a password

_LOGIN = re.compile(r"[^\s\x00-\x1f/\"'<>]+")


def clean_login(text: str) -> str:
    """A name or mail address as it is stored: in lower case. Raises ValueError."""
    login = text.strip().casefold()
    if not login or len(login) > LONGEST_LOGIN or not _LOGIN.fullmatch(login):
        raise ValueError(f"write a name or a mail address without spaces, of at most {LONGEST_LOGIN} characters")
    return login


def password_problem(password: str, login: str) -> str:
    """Why this is not a good password for this login; "" if it is."""
    if len(password) < SHORTEST_PASSWORD:
        return f"Use at least {SHORTEST_PASSWORD} characters."
    if len(password) > LONGEST_PASSWORD:
        return f"Use at most {LONGEST_PASSWORD} characters."
    name = login.partition("@")[0]
    if len(set(password)) < 5 or password.casefold() in (login, name, f"{name}{name}"):
        return "That is easy to guess. Use several words."
    return ""


def digest(token: str) -> str:
    """What is stored of a token or key. It is random, so that a plain SHA-256 cannot be reversed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
