"""Scans that are stored together are stored as scans that are stored one by one."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from awbridge.domain.errors import StoreError
from awbridge.store import Store
from awbridge.store.engine.connections.session import FEWEST_COPIED
from tests.support.rows import MINUTE, T0, fetch, sql
from tests.support.statements import statements_of
from tests.support.stores import postgres_only

ODD = ("", "\\N", "\\.", "a\tb\nc\\", '"quoted", {braces}', "पुणे", "\x1e\x1d", "null")
INDIA = ZoneInfo("Asia/Kolkata")
_SCANS = statements_of("scans")


def rows(number: int) -> list[tuple[object, ...]]:
    """Rows of the statement `add`: texts that mean something to some protocol, values that are missing."""
    return [
        (
            *(n % 64, n, f"R{n}", ODD[n % len(ODD)], None, ODD[-1 - n % len(ODD)], "AWB", None, 5, "In Transit"),
            *(ODD[n % 3], "Pune", (T0 + n * MINUTE).astimezone(INDIA), T0 + timedelta(microseconds=n), "webhook"),
            *(2**62 + n, n % 64, ODD[n % len(ODD)], n, None, "", "", "", None, b"\x00\xff" * n or None),
        )
        for n in range(number)
    ]


async def stored(store: Store) -> list[tuple[object, ...]]:
    async with store.read() as session:
        return [tuple(row.values()) for row in await session.fetch(sql("SELECT * FROM scans ORDER BY id"))]


async def test_many_scans_at_once_are_stored_as_one_by_one(store: Store) -> None:
    new = rows(2 * FEWEST_COPIED)
    async with store.write() as session:
        for row in new:
            await session.add_rows(_SCANS.add, [row])
    one_by_one = await stored(store)
    assert len(one_by_one) == len(new)
    async with store.write() as session:
        await session.execute(sql("DELETE FROM scans"))
        await session.add_rows(_SCANS.add, new)
    assert await stored(store) == one_by_one


@postgres_only
async def test_a_scan_that_is_stored_already_refuses_all_and_ends_the_transaction(store: Store) -> None:
    new = rows(FEWEST_COPIED)
    with pytest.raises(StoreError, match="UniqueViolation"):
        async with store.write() as session:
            await session.add_rows(_SCANS.add, [*new, new[0]])
    assert await fetch(store, "SELECT id FROM scans") == []


@postgres_only
async def test_only_an_insert_of_all_rows_is_copied(store: Store) -> None:
    once = sql(
        "INSERT INTO opt_outs (address_hash, channel, created_at) "
        "SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[]) ON CONFLICT DO NOTHING"
    )
    with pytest.raises(ValueError, match="not an INSERT of all rows"):
        async with store.write() as session:
            await session.add_rows(once, [(f"{n}", "", T0) for n in range(FEWEST_COPIED)])
