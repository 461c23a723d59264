"""Try the archive: only writing, reading and deleting an object prove that bucket, key and rights are correct."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from awbridge.domain.errors import ObjectsError
from awbridge.sinks.objects import Objects


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveTrial:
    """Why writing and reading, or removing, failed; "" if it did not. `key`: the object that may be left."""

    key: str
    problem: str = ""
    not_removed: str = ""


async def try_archive(objects: Objects) -> ArchiveTrial:
    """Write, read back and remove a small object under a random name."""
    key = f"doctor/{secrets.token_hex(8)}"
    try:
        await objects.put(key, b"awbridge doctor was here\n")
    except ObjectsError as error:
        return ArchiveTrial(key=key, problem=str(error))
    try:
        await objects.delete(key)
        if await objects.get(key) is not None:
            return ArchiveTrial(key=key, not_removed="delete: it is still there")
    except ObjectsError as error:
        return ArchiveTrial(key=key, not_removed=str(error))
    return ArchiveTrial(key=key)
