"""What a batch of deliveries costs the database: statements, rows read. Twice the work fails here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from awbridge.domain.orders.action import ActionKind, NewAction
from awbridge.domain.tracking.scan import Source
from awbridge.steps.tracking import apply, claimed, replay
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.steps.tracking.claimed import LookedUp, ReadDelivery, lock_of, look_up, read_claimed
from awbridge.steps.tracking.reading import Reading
from awbridge.store import Store
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.queries import Queries, Statement
from awbridge.store.orders import actions
from awbridge.store.tracking import inbox, scans, tracking_status
from awbridge.store.tracking.inbox import Delivery
from awbridge.store.tracking.tracking_status import Move, Step
from tests.steps.tracking.test_apply import LATER, a_placed, deliver, updated
from tests.support.rows import MINUTE, T0, delivery, fetch, new_scan, scan, sql
from tests.support.stores import postgres_only, sqlite_only
from tests.support.world import INDIA, SetClock, webhook

pytestmark = pytest.mark.heavy

FEW, MANY = 10, 60  # deliveries in a batch
STATEMENTS_OF_APPLY = 16  # round trips of a transaction, however many deliveries it applies
ROWS_OF_APPLY = 4  # read for each delivery: itself, its waybill, its shipment, its current promise
STATEMENTS_OF_REPLAY = 8
ROWS_OF_REPLAY = 9  # read for each shipment of two scans: itself, and each scan, promise and delivery
POLICY = ApplyPolicy(zone=INDIA)


class Counting:
    """A session that counts what it is asked."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.statements = 0
        self.rows = 0

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        self.statements += 1
        found = await self._session.fetch(statement, *args)
        self.rows += len(found)
        return found

    async def add_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        self.statements += bool(rows)
        await self._session.add_rows(statement, rows)

    async def fetch_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> list[Row]:
        self.statements += bool(rows)
        found = await self._session.fetch_rows(statement, rows)
        self.rows += len(found)
        return found

    async def execute(self, statement: Statement, *args: object) -> int:
        self.statements += 1
        return await self._session.execute(statement, *args)

    async def write_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        self.statements += bool(rows)
        await self._session.write_rows(statement, rows)


WRITTEN = sql("SELECT relname, n_tup_ins, n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables")
Written = tuple[int, int, int]  # rows inserted, updated, updated within their page


class WatchedStore:
    """A PostgreSQL store that says which rows its transactions wrote, by table."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.written: dict[str, Written] = {}

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Session]:
        async with self._store.write() as session:
            before = await self._so_far(session)  # of transactions that are not reported yet
            yield session
            for table, counts in (await self._so_far(session)).items():
                known, earlier = self.written.get(table, (0, 0, 0)), before.get(table, (0, 0, 0))
                inserted, updated, hot = (k + c - e for k, c, e in zip(known, counts, earlier, strict=True))
                self.written[table] = (inserted, updated, hot)

    async def _so_far(self, session: Session) -> dict[str, Written]:
        rows = await session.fetch(WRITTEN)
        return {row["relname"]: (row["n_tup_ins"], row["n_tup_upd"], row["n_tup_hot_upd"]) for row in rows}

    @property
    def as_store(self) -> Store:
        return cast("Store", self)


class CountingStore:
    """A store whose writing transactions are counted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.transactions: list[Counting] = []

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Counting]:
        async with self._store.write() as session:
            self.transactions.append(Counting(session))
            yield self.transactions[-1]

    async def transact(self, work: Callable[[Any], Coroutine[Any, Any, Any]], *, lasts: bool = True) -> Any:
        async with self.write() as session:
            return await work(session)

    @property
    def as_store(self) -> Store:
        return cast("Store", self)


async def scans_of(store: Store, first: int, number: int, *, code: int, minutes: int, number_of: int = 0) -> None:
    bodies: list[dict[str, Any]] = [
        webhook(f"AWB{n}", code, T0 + minutes * MINUTE, order_status_id=1000 * code + n + 10_000 * number_of)
        for n in range(first, first + number)
    ]
    await deliver(store, *bodies, at=T0 + minutes * MINUTE)


async def a_batch(store: Store, first: int, number: int) -> Counting:
    """A second scan of each of so many shipments, applied at once."""
    for n in range(first, first + number):
        await a_placed(store, f"R{n}", f"AWB{n}")
    await scans_of(store, first, number, code=4, minutes=first)
    await apply_due(store=store, clock=SetClock(LATER), policy=POLICY)
    await scans_of(store, first, number, code=5, minutes=first + 5)
    counting = CountingStore(store)
    assert await apply_due(store=counting.as_store, clock=SetClock(LATER), policy=POLICY) == number
    (transaction,) = counting.transactions
    return transaction


async def test_a_batch_takes_as_many_statements_as_a_single_delivery(store: Store) -> None:
    few = await a_batch(store, 0, FEW)
    many = await a_batch(store, FEW, MANY)
    assert few.statements == many.statements <= STATEMENTS_OF_APPLY
    assert many.rows <= ROWS_OF_APPLY * MANY


async def test_a_replay_takes_as_many_statements_for_many_shipments_as_for_few(store: Store) -> None:
    costs: list[tuple[int, float]] = []
    for first, number in ((0, FEW), (FEW, MANY)):
        await a_batch(store, first, number)
        counting = CountingStore(store)
        await replay.begin(store=store, clock=SetClock(LATER + first * MINUTE), restart=True)
        done = await replay.rebuild_some(store=counting.as_store, clock=SetClock(LATER), reading=POLICY)
        assert done
        assert (done.shipments, done.changed) == (first + number, 0)
        (transaction,) = counting.transactions
        costs.append((transaction.statements, transaction.rows / done.shipments))
    assert costs[0][0] == costs[1][0] <= STATEMENTS_OF_REPLAY
    assert max(rows for _, rows in costs) <= ROWS_OF_REPLAY


@pytest.mark.parametrize("lanes", [1, 2])
async def test_a_call_applies_piece_by_piece_until_its_batch_is_full(store: Store, lanes: int) -> None:
    for n in range(3):
        await a_placed(store, f"R{n}", f"AWB{n}")
    for code, minutes in ((4, 0), (5, 5), (6, 9)):
        await scans_of(store, 0, 3, code=code, minutes=minutes)
    policy = ApplyPolicy(zone=INDIA, batch=7, piece=2, lanes=lanes)
    counting = CountingStore(store)
    assert await apply_due(store=counting.as_store, clock=SetClock(LATER), policy=policy) == 7
    assert len(counting.transactions) == 4
    assert await apply_due(store=store, clock=SetClock(LATER), policy=policy) == 2
    assert await apply_due(store=store, clock=SetClock(LATER), policy=policy) == 0


async def test_while_nothing_arrives_a_call_applies_more_in_larger_transactions(store: Store) -> None:
    for n in range(9):
        await a_placed(store, f"R{n}", f"AWB{n}")
    await scans_of(store, 0, 9, code=4, minutes=0)
    policy = ApplyPolicy(zone=INDIA, batch=2, piece=1, quiet_batch=6, quiet_piece=3, quiet_lanes=1)
    counting = CountingStore(store)
    assert await apply_due(store=counting.as_store, clock=SetClock(LATER), policy=policy.quiet) == 6
    assert len(counting.transactions) == 2
    assert await apply_due(store=store, clock=SetClock(LATER), policy=policy) == 2


async def test_a_call_begins_no_piece_once_it_is_told_to_stop(store: Store) -> None:
    for n in range(6):
        await a_placed(store, f"R{n}", f"AWB{n}")
    await scans_of(store, 0, 6, code=4, minutes=0)
    policy = ApplyPolicy(zone=INDIA, batch=100, piece=2, lanes=1)
    answers = iter([True, False])
    applied = await apply_due(store=store, clock=SetClock(LATER), policy=policy, go_on=lambda: next(answers))
    assert applied == 4
    assert await apply_due(store=store, clock=SetClock(LATER), policy=policy, go_on=lambda: False) == 2
    assert await apply_due(store=store, clock=SetClock(LATER), policy=policy, go_on=lambda: False) == 0


@postgres_only
async def test_a_piece_is_read_while_an_earlier_one_waits_for_its_shipments(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int]] = []
    second_is_read = asyncio.Event()

    async def read(session: Session, claimed: Sequence[Delivery], reading: Reading, *, in_one_go: int) -> Any:
        found = await read_claimed(session, claimed, reading, in_one_go=in_one_go)
        seen.append(("read", claimed[0].id))
        if len(seen) > 1:
            second_is_read.set()
        return found

    async def lock(session: Session, found: LookedUp) -> Any:
        await asyncio.wait_for(second_is_read.wait(), 20)  # as for the shipments of an earlier piece
        locked = await lock_of(session, found)
        seen.append(("lock", found.readable[0].delivery.id))
        return locked

    monkeypatch.setattr(apply, "read_claimed", read)
    monkeypatch.setattr(apply, "lock_of", lock)
    for n in range(4):
        await a_placed(store, f"R{n}", f"AWB{n}")
    await scans_of(store, 0, 4, code=4, minutes=0)
    policy = ApplyPolicy(zone=INDIA, batch=4, piece=2, lanes=2)
    assert await apply_due(store=store, clock=SetClock(LATER), policy=policy) == 4
    assert [what for what, _ in seen] == ["read", "read", "lock", "lock"]
    assert [number for _, number in seen[:2]] == [number for _, number in seen[2:]], "in the order of the claims"


@postgres_only
async def test_a_piece_that_fails_before_its_shipments_are_locked_holds_up_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    second_is_claimed = asyncio.Event()

    async def failing(session: Session, readable: list[ReadDelivery]) -> LookedUp:
        begun.append(readable[0].delivery.id)
        if len(begun) == 1:
            await asyncio.wait_for(second_is_claimed.wait(), 20)
            raise ValueError("once")
        second_is_claimed.set()
        return await look_up(session, readable)

    monkeypatch.setattr(apply, "look_up", failing)
    for n in range(4):
        await a_placed(store, f"R{n}", f"AWB{n}")
    await scans_of(store, 0, 4, code=4, minutes=0)
    policy = ApplyPolicy(zone=INDIA, batch=4, piece=2, lanes=2)
    assert await asyncio.wait_for(apply_due(store=store, clock=SetClock(LATER), policy=policy), 30) == 4
    assert len(begun) > 1, "another piece was under way"


def test_while_many_wait_for_pages_a_round_is_two_transactions_of_each_lane() -> None:
    one, two = (ApplyPolicy(zone=INDIA, batch=512, piece=64, lanes=lanes).crowded for lanes in (1, 2))
    assert (one.batch, two.batch, one.piece, two.piece) == (128, 256, 64, 64)
    assert ApplyPolicy(zone=INDIA, batch=100, piece=64, lanes=1).crowded.batch == 100


@pytest.mark.parametrize(("lanes", "turns"), [(1, False), (2, True)])
async def test_a_single_lane_reads_its_deliveries_in_one_go(
    store: Store, lanes: int, turns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "IN_ONE_GO", 2)
    given: list[float] = []

    async def give_a_turn(seconds: float) -> None:
        given.append(seconds)

    monkeypatch.setattr(claimed.asyncio, "sleep", give_a_turn)
    for n in range(4):
        await a_placed(store, f"R{n}", f"AWB{n}")
    await scans_of(store, 0, 4, code=4, minutes=0)
    given.clear()
    policy = ApplyPolicy(zone=INDIA, batch=4, piece=4, lanes=lanes)
    assert await apply_due(store=store, clock=SetClock(LATER), policy=policy) == 4
    assert bool(given) == turns


@postgres_only
@pytest.mark.parametrize("code", [5, 6], ids=["the same status again", "a new status"])
async def test_applying_writes_no_body_again_and_no_index_of_shipments(store: Store, code: int) -> None:
    for n in range(MANY):
        await a_placed(store, f"R{n}", f"AWB{n}")
    await scans_of(store, 0, MANY, code=5, minutes=0)
    await apply_due(store=store, clock=SetClock(LATER), policy=POLICY)
    minutes = 0 if code == 5 else 5
    newer = [webhook(f"AWB{n}", code, T0 + minutes * MINUTE, order_status_id=7000 + n) for n in range(MANY)]
    await deliver(store, *newer, at=T0 + 6 * MINUTE)
    watched = WatchedStore(store)
    assert await apply_due(store=watched.as_store, clock=SetClock(LATER), policy=POLICY) == MANY
    written = {table: counts for table, counts in watched.written.items() if any(counts)}
    inserted, updated, in_their_page = written.pop("shipments")
    assert (inserted, updated) == (0, MANY)
    # With a changed index it is none. Some move to another page: theirs is full, and a backend still sees old versions.
    assert in_their_page > MANY / 2, "in its page, without an index"
    assert written.pop("scans") == (MANY, 0, 0), "with its delivery"
    assert set(written) <= {"arrivals", "inbox_batches", "milestones"}, written
    assert written.get("milestones", (0, 0, 0)) in ((0, 0, 0), (MANY, 0, 0)), written


@postgres_only
async def test_what_polling_repeats_is_added_to_its_scan_by_one_statement_and_writes_no_index(store: Store) -> None:
    for n in range(FEW):
        await a_placed(store, f"R{n}", f"AWB{n}")
    await scans_of(store, 0, FEW, code=5, minutes=0)
    await apply_due(store=store, clock=SetClock(LATER), policy=POLICY)
    listed = [updated(f"AWB{n}", 5, T0) for n in range(FEW)]
    await deliver(store, *listed, source=Source.UPDATED_ORDER, at=T0 + MINUTE)
    watched = WatchedStore(store)
    assert await apply_due(store=watched.as_store, clock=SetClock(LATER), policy=POLICY) == FEW
    inserted, changed, in_their_page = watched.written["scans"]
    assert (inserted, changed) == (0, FEW)
    assert in_their_page > FEW / 2, "without an index; a page may be full"
    assert not any(watched.written.get("update_sources", ()))


@sqlite_only
async def test_a_scan_that_only_moves_a_shipment_writes_no_index_on_sqlite(store: Store) -> None:
    """SQLite writes the entries of every index that has a column which a statement sets, so few are set."""
    sets = Queries("awbridge.store.tracking.tracking_status")
    for statement, arguments, writes in ((sets.set_move, 8, False), (sets.set_step, 12, True)):
        plan = await fetch(store, f"EXPLAIN {statement.sqlite}", *[None] * arguments)
        assert any(row["opcode"] == "IdxInsert" for row in plan) is writes, statement.name


@sqlite_only
async def test_from_the_second_scan_on_a_shipment_only_moves(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[int, int]] = []
    setting = tracking_status.set_tracking_statuses

    async def note(session: Session, changes: Any, steps: Sequence[Step], moves: Sequence[Move]) -> None:
        written.append((len(steps), len(moves)))
        await setting(session, changes, steps, moves)

    monkeypatch.setattr(tracking_status, "set_tracking_statuses", note)
    await a_placed(store, "R", "AWB0")
    for code, minutes in ((4, 0), (5, 5), (5, 9), (8, 12)):
        await scans_of(store, 0, 1, code=code, minutes=minutes, number_of=minutes)
        await apply_due(store=store, clock=SetClock(LATER), policy=POLICY)
    assert written == [(1, 0), (0, 1), (0, 1), (1, 0)], "the first and the last one change due times and lists"


async def test_a_piece_asks_for_as_many_batches_as_the_last_ones_suggest(store: Store) -> None:
    await a_placed(store, "R0", "AWB0")
    for minutes in range(8):
        await scans_of(store, 0, 1, code=5, minutes=minutes, number_of=minutes)
    size = inbox.BatchSize()
    for asked, expected in ((2, 2), (3, 3)):
        async with store.write() as session:
            counting = Counting(session)
            found = await inbox.claim(counting, now=LATER, limit=asked, size=size)
            assert (len(found), size.average) == (expected, 1)
    assert counting.statements == 3, "those with a row of their own, the batches, what is in them"


class NothingPutBack(Counting):
    async def execute(self, statement: Statement, *args: object) -> int:
        raise AssertionError(statement.name)


async def test_a_batch_that_goes_a_little_beyond_a_piece_is_not_taken_apart(store: Store) -> None:
    """What is put back is applied after newer deliveries, and their shipments are rebuilt."""
    for number in range(4):
        async with store.write() as session:  # a batch of three; ids may divide it
            await inbox.add(session, [delivery(f"osid:{10**11 + 10 * number + n}") for n in range(3)])
    for most, watch in ((8, NothingPutBack), (5, Counting)):
        async with store.write() as session:
            size = inbox.BatchSize(average=3, is_known=True)
            watched = cast("Session", watch(session))
            found = await inbox.claim(watched, now=LATER, limit=5, enough=4, most=most, size=size)
            assert 4 <= len(found) <= most


def test_a_single_small_batch_says_little_of_the_next_ones() -> None:
    size = inbox.BatchSize()
    size.learn([{"deliveries": 64}, {"deliveries": 62}])
    size.learn([{"deliveries": 2}])
    assert size.average == 63
    size.learn([{"deliveries": 2}, {"deliveries": 4}])
    assert size.average == 3


ROWS_READ = sql("SELECT seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_xact_user_tables WHERE relname = $1")
PLANS = sql("SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE $1")


MODE = sql("SELECT current_setting('plan_cache_mode') AS mode")


@postgres_only
async def test_statements_are_planned_once_for_a_connection_as_soon_as_there_is_enough_to_plan_with(
    store: Store,
) -> None:
    references = [f"R{n}" for n in range(MANY)]
    asked = [scans.IncomingScan(reference, "id", None, "f", "p") for reference in references]

    async def look(session: Session) -> tuple[str, list[int]]:
        await inbox.need_not_last(session)
        before = [(await session.fetch(ROWS_READ, table))[0]["rows"] for table in ("scans", "actions")]
        await scans.alike(session, asked)
        await actions.open_of(session, references)
        after = [(await session.fetch(ROWS_READ, table))[0]["rows"] for table in ("scans", "actions")]
        read = [now - earlier for earlier, now in zip(before, after, strict=True)]
        return (await session.fetch(MODE))[0]["mode"], read

    async def planned(session: Session) -> list[int]:
        """Generic and custom plans of the two statements, so far."""
        texts = ("%AS incoming%", "%CROSS JOIN LATERAL (%actions.state%")
        return [number for of in texts for row in await session.fetch(PLANS, of) for number in row.values()]

    async with store.write() as session:
        default = (await session.fetch(MODE))[0]["mode"]
        await session.execute(sql("SET SESSION plan_cache_mode = auto"))  # that of the tests' databases is another one
        await session.execute(sql("TRUNCATE scans"))
        assert await look(session) == ("auto", [0, 0])
        await scans.add(session, [new_scan(r, scan(5, T0 + n * MINUTE)) for r in references for n in range(90)])
        for reference in references:
            new = NewAction(kind=ActionKind.PROOF, reference_number=reference, body={})
            await actions.add(session, new, now=T0)
        before = await planned(session)
        for _ in range(2):
            mode, (of_scans, of_actions) = await look(session)
            assert (mode, of_scans) == ("force_generic_plan", 90 * MANY)
            assert of_actions in (MANY, MANY * MANY)  # a table of one page may be read in full for each
        after = await planned(session)
        await inbox.plan_by_values(session)
        assert (await session.fetch(MODE))[0]["mode"] == default
        await session.execute(sql("RESET plan_cache_mode"))
    assert [(n - m) for m, n in zip(before, after, strict=True)] == [2, 0, 2, 0]
