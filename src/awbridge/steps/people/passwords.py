"""Hashes and verifies passwords with argon2id, in threads of their own: each takes memory and a tenth of a second."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from awbridge.domain.people.credentials import LONGEST_PASSWORD

AT_ONCE = 2  # verifications in one process: a flood of sign-ins must not take all memory
_hasher = PasswordHasher()  # the library's defaults: RFC 9106, low memory


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")


@cache
def _decoy_hash() -> str:
    """The hash that is verified where there is none, so that an unknown name takes as long as a wrong password."""
    return _hasher.hash("the password of no person")


async def hash_password(password: str) -> str:
    """The argon2id hash of a password, with its parameters and salt."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), partial(_hasher.hash, password))


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether this is the password. Takes as long without a hash, where it is always False."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), _verify, password_hash, password)


def is_outdated(password_hash: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def _verify(password_hash: str | None, password: str) -> bool:
    try:
        _hasher.verify(password_hash or _decoy_hash(), password[: LONGEST_PASSWORD + 1])
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None
