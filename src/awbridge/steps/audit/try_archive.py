"""Try the archive as it is set: only writing, reading and deleting show that bucket, key and rights are there."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from awbridge.domain.errors import ObjectsError
from awbridge.sinks.objects import Objects


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveTrial:
    """What was in the way of writing and reading, and of removing; "" where nothing was. `key`: what may lie there."""

    key: str
    problem: str = ""
    not_removed: str = ""


async def try_archive(objects: Objects) -> ArchiveTrial:
    """Write, read back and remove a small object of its own name."""
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
