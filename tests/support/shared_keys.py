"""A store whose rows share every key that a caller chooses, and what a request on it costs.

One row of each kind is made by the steps themselves; the others are copies with an id of their own.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import apsw
import psycopg

from awbridge.domain.notify.events import EventKind
from awbridge.domain.orders.action import ActionKind, NewAction
from awbridge.domain.reconciliation.differences import DifferenceKind
from awbridge.steps.privacy.erase import ask_erasure
from awbridge.store import Store
from awbridge.store.notify import endpoints
from awbridge.store.orders import actions
from tests.steps.notify.test_notify import hear
from tests.support import evidence_rows
from tests.support.rows import T0, add, place, sql
from tests.support.world import SetClock, webhook

ORDER, WAYBILL = "ORDER-1", "AWB-1"
OPEN, READY, REJECTED = "R-1", "R-2", "R-3"  # references with rows of their own; every copy begins with one of them

_EVERY_LIST = """
UPDATE shipments SET ndr_at = $1, edd_due_at = $1, aged_out_at = $1, piece_exception_at = $1, status_at = $1,
  cancel_requested_at = $1, cancel_state = 'refused', forward_waybill = 'AWB-1', phone_tail = '0001'
WHERE reference_number = 'R-1'
"""
_STUCK = "UPDATE shipments SET stuck_since_at = $1 WHERE reference_number = 'R-1'"
_RUN = """
INSERT INTO reconciliations (id, identity, source, kind, name, day, state, windows, tries, created_at)
VALUES (1, 'day', 'hand', 'registered', 'orders.csv', '2026-11-02', 'done', '[]', 0, $1)
"""
_DIFFERENCE = """
INSERT INTO differences (shard, reconciliation_id, kind, item, id, reference_number, state, checks, found_at)
VALUES (1, 1, $2, 'R-1', 1, 'R-1', 'open', 0, $1)
"""
_REPORT = """
INSERT INTO reports (id, kind, day, destination, shipments, calls, created_at)
VALUES ('failures-1', 'failures', '2026-11-02', 'ops@example.com', 1, 1, $1)
"""
_DEAD_LETTER = """
INSERT INTO inbox (shard, id, identity, source, body, received_at, problem, tries)
VALUES (1, 1, 'dead', 'webhook', {{postgres: '\\x7b'::bytea}}{{sqlite: x'7b'}}, $1, 'not JSON', 1)
"""
_WAITING = """
INSERT INTO inbox (shard, id, identity, source, body, received_at, problem, waiting_for, due_at, tries)
VALUES (1, 2, 'waiting', 'webhook', {{postgres: '\\x7b'::bytea}}{{sqlite: x'7b'}}, $1, 'no shipment',
  'o:ORDER-1', $1, 1)
"""

# Table -> the columns of a copy that differ from its original, as expressions of n.
_COPIES: dict[str, dict[str, str]] = {
    "shipments": {"reference_number": "n || '-' || reference_number", "waybill": "n || '-' || waybill"},
    "actions": {"id": "n || '-' || id", "reference_number": "n || '-' || reference_number"},
    "attempts": {"id": "id + n", "reference_number": "n || '-' || reference_number"},
    "inbox": {"id": "id + 10 * n", "identity": "n || '-' || identity"},
    "events": {"id": "id + n"},
    "event_deliveries": {"event_id": "event_id + n"},
    "milestones": {"reference_number": "n || '-' || reference_number"},
    "notices": {"id": "id + n", "reference_number": "n || '-' || reference_number"},
    "reports": {"id": "n || '-' || id"},
    "erasures": {"id": "id + n"},
    "reconciliations": {"id": "id + n", "identity": "n || '-' || identity"},
    "differences": {"id": "id + n", "item": "n || '-' || item"},
    "opt_outs": {"address_hash": "n || '-' || address_hash"},
}


_NOTICE = """
INSERT INTO notices (shard, id, reference_number, milestone, channel, state, why, tries, language, created_at)
VALUES (1, 1, 'R-1', 'delivered', 'sms', 'failed', 'no such number', 3, 'en', $1)
"""
_OPT_OUT = "INSERT INTO opt_outs (address_hash, channel, created_at) VALUES ('x', '', $1)"
_REJECT = """
UPDATE shipments SET state = 'rejected', next_try_at = NULL WHERE reference_number = 'R-3' AND updated_at <= $1
"""


async def make(store: Store, clock: SetClock) -> None:
    """One row of each kind, made as usual."""
    await add(store, OPEN, READY, REJECTED, order_id=ORDER)
    await place(store, OPEN, WAYBILL)
    async with store.write() as session:
        for kind in (EventKind.DELIVERED, EventKind.STATUS_CHANGED):
            await endpoints.add(session, "https://erp.example/hook", kinds=[kind], now=T0)
        new = NewAction(kind=ActionKind.PICKUP, reference_number=None, body={})
        await actions.add(session, new, now=T0)
    await evidence_rows.keep(store, evidence_rows.call(OPEN), reference=OPEN)
    await evidence_rows.more_about(store, OPEN)
    await hear(store, clock, webhook(WAYBILL, 9, T0 + timedelta(minutes=1)))
    await ask_erasure(store=store, clock=clock, phone="9000000001", reference=None, key="k" * 32)
    async with store.write() as session:
        for text in (_RUN, _REPORT, _DEAD_LETTER, _WAITING, _EVERY_LIST, _NOTICE, _OPT_OUT, _REJECT):
            await session.execute(sql(text), T0)
        await session.execute(sql(_STUCK), T0 - timedelta(days=30))
        await session.execute(sql(_DIFFERENCE), T0, next(iter(DifferenceKind)).value)


async def multiply(store: Store, copies: int) -> None:
    """So many copies of every row."""
    for table, changed in _COPIES.items():
        async with store.read() as session:  # as stored: packed columns too
            columns = list((await session.fetch(sql(f"SELECT * FROM {table} LIMIT 1")))[0].keys())
        values = ", ".join(changed.get(column, column) for column in columns)
        text = f"""
INSERT INTO {table} ({", ".join(columns)})
{{{{sqlite: WITH RECURSIVE copy (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < $1)}}}}
SELECT {values} FROM {table}, {{{{postgres: generate_series(1, $1::bigint) AS copy (n)}}}}{{{{sqlite: copy}}}}
"""
        async with store.write() as session:
            await session.execute(sql(text), copies)


async def filled(url: str, copies: int) -> None:
    """Fill a migrated database."""
    store = await Store.open(url)
    try:
        await make(store, SetClock())
        await multiply(store, copies)
        if store.dialect == "postgres":
            async with store.write() as session:
                await session.script("ANALYZE")
    finally:
        await store.close()


@contextmanager
def sqlite_work() -> Iterator[Counter[str]]:
    """Steps of SQLite's virtual machine by statement, of connections opened within the block."""
    steps: Counter[str] = Counter()

    def ended(event: dict[str, Any]) -> None:
        steps[" ".join(event["sql"].split())] += event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]

    def opened(connection: apsw.Connection) -> None:
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, ended)

    apsw.connection_hooks.append(opened)
    try:
        yield steps
    finally:
        apsw.connection_hooks.remove(opened)


_READ = """
SELECT relname || ' in full' AS place, seq_tup_read AS entries FROM pg_stat_user_tables
UNION ALL SELECT relname || ' ' || indexrelname, idx_tup_read FROM pg_stat_user_indexes
"""
_OTHERS = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@contextmanager
def postgres_work(url: str) -> Iterator[Counter[str]]:
    """Entries read by table and index. A session reports them when it ends, so every store must be closed."""
    entries: Counter[str] = Counter()
    with psycopg.connect(url, autocommit=True) as connection:

        def read() -> Counter[str]:
            while connection.execute(_OTHERS).fetchone() != (0,):
                time.sleep(0.005)
            return Counter(dict(connection.execute(_READ).fetchall()))

        before = read()
        yield entries
        entries.update(read() - before)
