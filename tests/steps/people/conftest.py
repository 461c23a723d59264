"""Passwords that cost little."""

from tests.support.people import cheap_passwords

__all__ = ["cheap_passwords"]
