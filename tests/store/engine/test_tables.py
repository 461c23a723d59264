"""The other tables: inbox, scans, windows, couriers, attempts, webhook keys; and the statements themselves."""

from __future__ import annotations

import asyncio
import random
import string
from datetime import timedelta

import pytest
from msgspec.structs import replace

from awbridge.clickpost.tracking.scan_parts import LONGEST_REASON, LONGEST_TEXT
from awbridge.clickpost.wire.lenient_json import LONGEST_ID
from awbridge.domain.call import Call
from awbridge.domain.errors import StoreError
from awbridge.domain.notify.notices import NoticeState
from awbridge.domain.tracking.timeline import MOST_COPIES, MOST_WORDINGS
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.queries import parse
from awbridge.store.notify import notices
from awbridge.store.orders import lists, shipments
from awbridge.store.polling import webhook_keys, windows
from awbridge.store.polling.windows import CatchUpWindow
from awbridge.store.tracking import inbox, scans
from tests.support.rows import MINUTE, T0, add, attempt, count, delivery, fetch, new_scan, new_shipment, scan, sql
from tests.support.statements import statements_of
from tests.support.stores import TABLES


async def put(store: Store, *identities: str) -> None:
    async with store.write() as session:
        await inbox.add(session, [delivery(identity) for identity in identities])


@pytest.mark.parametrize("named", [[], ["a"], ["a", "b", "a"]])
async def test_new_deliveries_are_counted_apart_from_known_ones(store: Store, named: list[str]) -> None:
    async with store.write() as session:
        await inbox.add(session, [delivery("b")])
        assert await inbox.add_counted(session, [delivery(name) for name in named]) == len({*named} - {"b"})
        assert await inbox.add_counted(session, [delivery(name) for name in named]) == 0


async def test_a_delivery_is_stored_once_within_a_batch_and_across_batches(store: Store) -> None:
    await put(store, "a", "b", "a")
    await put(store, "b", "c")
    assert [r["identity"] for r in await fetch(store, "SELECT identity FROM inbox ORDER BY identity")] == [
        "a",
        "b",
        "c",
    ]


async def test_an_empty_batch_is_no_trouble(store: Store) -> None:
    await put(store)
    async with store.write() as session:
        await scans.add(session, [])
        await inbox.wake(session, [], now=T0)
    assert await count(store, "inbox") == 0


async def test_two_writers_with_the_same_deliveries_in_different_order_do_not_deadlock(store: Store) -> None:
    identities = [f"d{n}" for n in range(150)]
    dice = random.Random(7)

    async def write(round_: int) -> None:
        for turn in range(8):
            mixed = [f"{turn}-{i}" for i in dice.sample(identities, len(identities))]
            await put(store, *mixed)

    await asyncio.gather(*(write(n) for n in range(4)))
    assert await count(store, "inbox") == 8 * 150


async def test_one_bad_row_rolls_its_batch_back(store: Store) -> None:
    with pytest.raises((StoreError, ValueError)):
        await put(store, "good", "half \ud800 pair")
    assert await count(store, "inbox") == 0


async def test_deliveries_are_taken_in_the_order_in_which_they_came(store: Store) -> None:
    async with store.write() as session:
        await inbox.add(session, [delivery(f"d{n}", received_at=T0 + n * MINUTE) for n in (3, 1, 2)])
        taken = await inbox.claim(session, now=T0 + 9 * MINUTE, limit=2)
    assert [d.identity for d in taken] == ["d1", "d2"]


async def test_two_appliers_at_once_do_not_take_the_same_delivery(store: Store) -> None:
    await put(store, *(f"d{n}" for n in range(30)))

    async def take() -> list[str]:
        async with store.write() as session:
            taken = await inbox.claim(session, now=T0, limit=10)
            await asyncio.sleep(0.02)
            await inbox.applied(session, [(one, None, 1) for one in taken], now=T0)
        return [d.identity for d in taken]

    first, second = await asyncio.gather(take(), take())
    assert not set(first) & set(second)
    assert len(first) == len(second) == 10


async def test_an_applier_that_fails_lets_go_of_its_deliveries(store: Store) -> None:
    await put(store, "d")

    async def fail() -> None:
        async with store.write() as session:
            [one] = await inbox.claim(session, now=T0, limit=1)
            await inbox.applied(session, [(one, None, 1)], now=T0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with store.write() as session:
        assert len(await inbox.claim(session, now=T0, limit=1)) == 1


async def test_a_waiting_delivery_sleeps_until_its_time_or_until_it_is_woken(store: Store) -> None:
    await put(store, "timed", "woken", "asleep")
    async with store.write() as session:
        for one in await inbox.claim(session, now=T0, limit=9):
            until = T0 + (MINUTE if one.identity == "timed" else 60 * MINUTE)
            await inbox.wait(session, one, key=f"r:{one.identity}", until=until)
        assert await inbox.claim(session, now=T0, limit=9) == []
        assert (await inbox.counts(session))["waiting"] == 3
        await inbox.wake(session, ["r:woken", "r:nobody"], now=T0)
        [woken] = await inbox.claim(session, now=T0, limit=9)
        assert (woken.identity, woken.tries) == ("woken", 1)
        await inbox.applied(session, [(woken, None, 1)], now=T0)
        assert [d.identity for d in await inbox.claim(session, now=T0 + MINUTE, limit=9)] == ["timed"]


async def test_storing_a_shipment_wakes_what_waits_for_its_reference_or_order(store: Store) -> None:
    await put(store, "by reference", "by order", "other")
    async with store.write() as session:
        keys = {"by reference": "r:R", "by order": "o:ORDER", "other": "r:X"}
        for one in await inbox.claim(session, now=T0, limit=9):
            await inbox.wait(session, one, key=keys[one.identity], until=T0 + 60 * MINUTE)
        await shipments.wake_deliveries(session, [new_shipment("R", order_id="ORDER")], now=T0)
        assert {d.identity for d in await inbox.claim(session, now=T0, limit=9)} == {"by reference", "by order"}


async def test_what_is_set_aside_stays_with_its_reason_until_it_is_replayed(store: Store) -> None:
    await put(store, "odd", "fine")
    async with store.write() as session:
        await inbox.add(session, [delivery("raw:1", body=b"<html>", problem="not JSON")])
        odd, fine = sorted(await inbox.claim(session, now=T0, limit=9), key=lambda d: d.identity != "odd")
        await inbox.dead_lettered(session, odd, problem="nobody can read it")
        await inbox.applied(session, [(fine, "one part was left out", 1)], now=T0)
        assert await inbox.claim(session, now=T0 + 99 * MINUTE, limit=9) == []
        found = {(p.identity, p.problem, p.body) for p in await inbox.problems(session, limit=9)}
        assert found == {("odd", "nobody can read it", b"{}"), ("raw:1", "not JSON", b"<html>")}
        counts = {"total": 3, "applied": 1, "waiting": 0, "ambiguous": 0, "due": 0, "dead_lettered": 1, "not_json": 1}
        assert await inbox.counts(session) == counts
        assert await inbox.replay(session, now=T0 + MINUTE) == 1
        assert [d.identity for d in await inbox.claim(session, now=T0 + MINUTE, limit=9)] == ["odd"]


async def test_scans_stand_on_the_timeline_in_order(store: Store) -> None:
    late = scan(6, T0 + MINUTE, remark="raus 🚚", location="Pune", ndr_code=3, scan_id="s2")
    early = scan(4, T0)
    async with store.write() as session:
        await scans.add(session, [new_scan("R", late), new_scan("R", early), new_scan("X", early)])
        found = await scans.timeline(session, "R")
    assert [(s.status_code, s.scanned_at) for s in found] == [(4, T0), (6, T0 + MINUTE)]
    assert (found[1].remark, found[1].location, found[1].ndr_code, found[1].scan_id) == ("raus 🚚", "Pune", 3, "s2")


async def test_of_a_timeline_what_may_be_one_with_a_scan_is_found_without_the_rest(store: Store) -> None:
    kept = [scan(4, scan_id="S"), scan(5, checkpoint_id="C"), scan(6, status="said so"), scan(8, scan_id="other")]
    async with store.write() as session:
        for stored in kept:
            await scans.add(session, [new_scan("R", stored), new_scan("X", stored)])
        [by_id, by_checkpoint, by_words, _] = (await scans.for_matching(session, ["R"]))["R"]
        await scans.learn(session, [("R", replace(by_words, fingerprints=("f" * 12, *by_words.fingerprints)))])
        asked = [
            scans.IncomingScan("R", "S", None, "n" * 12, "none"),
            scans.IncomingScan("R", "C", "C", "n" * 12, "none"),
            scans.IncomingScan("R", None, None, by_words.fingerprints[0], "none"),
            scans.IncomingScan("R", "S", "C", "f" * 12, "none"),
            scans.IncomingScan("EMPTY", "S", "C", "f" * 12, "none"),
            scans.IncomingScan("X", None, None, "n" * 12, "none"),
        ]
        found = await scans.alike(session, asked)
        assert await scans.alike(session, []) == {}
    assert {r: [e.id for e in entries] for r, entries in found.items()} == {
        "R": [by_id.id, by_checkpoint.id, by_words.id],
        "EMPTY": [],
        "X": [],
    }


async def test_what_says_the_same_with_or_without_a_location_is_found_either_way(store: Store) -> None:
    with_place, without = scan(5, location="Pune"), scan(6)
    async with store.write() as session:
        await scans.add(session, [new_scan("R", with_place), new_scan("R", without)])
        for variant, code in ((replace(with_place, location=""), 5), (replace(without, location="Pune"), 6)):
            asked = scans.IncomingScan("R", None, None, variant.fingerprint(), variant.part())
            assert [e.code for e in (await scans.alike(session, [asked]))["R"]] == [code]
        [_, bare] = (await scans.for_matching(session, ["R"]))["R"]
        await scans.learn(session, [("R", replace(bare, location="Pune", remark="at the hub"))])
        await scans.learn(session, [("R", replace(bare, location="Delhi", remark="elsewhere"))])
        found = (await scans.timeline(session, "R"))[1]
    assert (found.location, found.remark) == ("Pune", "at the hub"), "what is known stays"


async def test_the_longest_scan_fits_into_every_index(store: Store) -> None:
    def noise(length: int) -> str:
        return "".join(dice.choices(string.ascii_letters + string.digits, k=length))

    dice = random.Random(1)
    reference = noise(200)
    ids = {"scan_id": noise(LONGEST_ID), "checkpoint_id": noise(LONGEST_ID), "waybill": noise(LONGEST_ID)}
    emoji = "".join(chr(dice.randrange(0x1F300, 0x1F5FF)) for _ in range(LONGEST_REASON))
    words = {"status": noise(LONGEST_TEXT), "remark": noise(LONGEST_TEXT), "location": noise(LONGEST_TEXT)}
    longest = scan(**ids, **words, npr_description=emoji)
    async with store.write() as session:
        await scans.add(session, [new_scan(reference, longest)])
        [entry] = (await scans.entries(session, [reference]))[reference]
        hashes = tuple(f"{dice.getrandbits(48):012x}" for _ in range(MOST_WORDINGS))
        copies = tuple((dice.randrange(64), dice.getrandbits(63)) for _ in range(MOST_COPIES))
        await scans.learn(session, [(reference, replace(entry, fingerprints=hashes, copies=copies))])
        [after] = (await scans.for_matching(session, [reference]))[reference]
    assert (after.fingerprints, after.npr_description, after.scan_id) == (hashes, emoji, longest.scan_id)
    assert after.copies == copies


async def test_a_later_copy_teaches_what_the_first_lacked(store: Store) -> None:
    async with store.write() as session:
        await scans.add(session, [new_scan("R", scan(scan_id="S"))])
        [before] = (await scans.entries(session, ["R", "NONE"]))["R"]
        assert (before.scan_id, before.checkpoint_id, before.ndr_code) == ("S", None, None)
        learnt = replace(before, checkpoint_id="C", ndr_code=3, fingerprints=(*before.fingerprints, "more"))
        await scans.learn(session, [("R", learnt)])
        [after] = (await scans.entries(session, ["R"]))["R"]
    assert (after.id, after.content()) == (before.id, learnt.content())


async def test_scans_are_taken_off_and_put_back_under_their_id(store: Store) -> None:
    async with store.write() as session:
        await scans.add(session, [new_scan("R", scan(4)), new_scan("R", scan(5)), new_scan("X", scan(4))])
        [gone, _] = (await scans.entries(session, ["R"]))["R"]
        await scans.remove(session, [("R", gone)])
        assert [e.code for e in (await scans.entries(session, ["R"]))["R"]] == [5]
        await scans.add(session, [("R", gone)])
        assert {e.id for e in (await scans.entries(session, ["R"]))["R"]} >= {gone.id}
        assert len((await scans.entries(session, ["X"]))["X"]) == 1


async def test_an_id_and_a_checkpoint_of_the_same_number_are_two_scans(store: Store) -> None:
    async with store.write() as session:
        await scans.add(session, [new_scan("R", scan(4, scan_id="7")), new_scan("R", scan(5, checkpoint_id="7"))])
    assert await count(store, "scans") == 2


async def claim_window(store: Store, minutes: float, *, shortest: float = 1) -> CatchUpWindow | None:
    now = T0 + timedelta(minutes=minutes)
    async with store.write() as session:
        return await windows.claim(
            session,
            now=now,
            lease=5 * MINUTE,
            start=now - 10 * MINUTE,
            end=now - MINUTE,
            longest=10 * MINUTE,
            shortest=shortest * MINUTE,
        )


async def finish(store: Store, window: CatchUpWindow | None) -> CatchUpWindow:
    assert window is not None
    async with store.write() as session:
        await windows.done(session, window, items=2, now=T0)
    return window


async def test_windows_begin_at_the_start_and_follow_one_another_without_gaps(store: Store) -> None:
    first = await finish(store, await claim_window(store, 0))
    assert (first.from_at, first.to_at) == (T0 - 10 * MINUTE, T0 - MINUTE)
    assert await claim_window(store, 0.5) is None, "shorter than the shortest"
    second = await finish(store, await claim_window(store, 3))
    assert (second.from_at, second.to_at) == (first.to_at, T0 + 2 * MINUTE)
    hour_later = [await finish(store, await claim_window(store, 33)) for _ in range(3)]
    edges = [second.to_at, *(w.to_at for w in hour_later)]
    assert [w.from_at for w in hour_later] == edges[:-1]
    assert hour_later[-1].to_at == T0 + 32 * MINUTE
    assert await claim_window(store, 33) is None


async def test_a_window_left_undone_is_taken_first_when_its_lease_is_over(store: Store) -> None:
    left = await claim_window(store, 0)
    assert left is not None
    assert await claim_window(store, 0.5) is None
    other = await claim_window(store, 4.9)
    assert other is not None
    assert other.from_at == left.to_at, "while it is leased, the next one"
    again = await claim_window(store, 5)
    assert again == left
    async with store.write() as session:
        assert not await windows.failed(session, left, problem="late", again_at=T0), "it is another's now"
        assert not await windows.done(session, left, items=9, now=T0)
        assert await windows.turned(session, left, next_page="2", items=9, now=T0, lease=MINUTE) is None
        assert await windows.hold(session, left, until=T0 + 60 * MINUTE) is None
        assert await windows.failed(session, again, problem="away", again_at=T0 + 30 * MINUTE)
        found = {w.from_at: (w.done_at, w.problem) for w in await windows.recent(session, limit=9)}
    assert found[left.from_at] == (None, "away")
    await finish(store, other)
    last = await claim_window(store, 30)
    assert last == left
    await finish(store, last)
    async with store.read() as session:
        newest, oldest = await windows.recent(session, limit=9)
    assert (newest.from_at, oldest.from_at) == (other.from_at, left.from_at)
    assert (oldest.done_at, oldest.items, oldest.problem) == (T0, 2, None)


async def test_claimers_at_once_get_different_windows(store: Store) -> None:
    claimed = await asyncio.gather(*(claim_window(store, 0) for _ in range(5)))
    assert len([w for w in claimed if w]) == 1
    assert await count(store, "catch_up_windows") == 1


async def test_a_failure_that_comes_late_does_not_reopen_a_window(store: Store) -> None:
    window = await finish(store, await claim_window(store, 0))
    async with store.write() as session:
        await windows.failed(session, window, problem="late", again_at=T0)
        [found] = await windows.recent(session, limit=9)
    assert (found.done_at, found.problem) == (T0, None)


async def test_transporters_are_put_changed_listed_and_removed(store: Store) -> None:
    async with store.write() as session:
        await couriers.put(session, [CourierAccount(transporter="b", courier_partner_id=5)], now=T0)
        one = CourierAccount(transporter="a", courier_partner_id=4, account_code="x", name="Delhi", active=False)
        await couriers.put(session, [one, CourierAccount(transporter="b", courier_partner_id=6)], now=T0)
        assert await couriers.get(session, "a") == one
        assert await couriers.get(session, "c") is None
        assert [(a.transporter, a.courier_partner_id) for a in await couriers.every(session)] == [("a", 4), ("b", 6)]
        assert await couriers.remove(session, "a")
        assert not await couriers.remove(session, "a")


async def test_calls_are_kept_in_order_also_with_a_nul_in_the_answer(store: Store) -> None:
    async with store.write() as session:
        for n in range(3):
            call = Call(api="create_order", method="POST", url="u", response=f"{n}\x00", http_status=200, ms=n)
            await attempts.add(session, [attempt(call, "R")])
        await attempts.add(session, [attempt(Call(api="x", method="GET", url="u"), None)])
        kept = await attempts.of_shipment(session, "R")
    assert [(a.response, a.ms, a.http_status) for a in kept] == [(f"{n}\ufffd", n, 200) for n in range(3)]
    assert kept[0].made_at == T0


async def test_webhook_keys_are_kept_as_digests_only(store: Store) -> None:
    async with store.write() as session:
        await webhook_keys.add(session, "s3cret", webhook_url="https://a", now=T0)
        await webhook_keys.add(session, "s3cret", webhook_url="https://b", now=T0)
        assert await webhook_keys.every(session) == [webhook_keys.digest("s3cret")]
    [row] = await fetch(store, "SELECT * FROM webhook_keys")
    assert row["webhook_url"] == "https://b"
    assert "s3cret" not in str(row)


async def test_listing_survives_many_rows_of_one_moment(store: Store) -> None:
    await add(store, *(f"R{n:03}" for n in range(120)))
    async with store.read() as session:
        first = await lists.newest(session, limit=100)
        rest = await lists.newest(session, before=(first[-1].created_at, first[-1].reference_number), limit=100)
    assert len({s.reference_number for s in (*first, *rest)}) == 120


def test_ids_grow_and_never_repeat() -> None:
    source = Ids()
    made = [source.next() for _ in range(5000)]
    assert made == sorted(set(made))
    assert made[-1] < 2**63


def test_statements_hold_only_their_own_dialect() -> None:
    both = parse("-- name: a\nSELECT {{postgres: now()}}{{sqlite: 1}} WHERE $2 = $1\n\n-- name: b\nSELECT 2")
    assert both["a"].postgres == "SELECT now() WHERE $2 = $1"
    assert both["a"].sqlite == "SELECT 1 WHERE ?2 = ?1"
    assert both["b"].sqlite == "SELECT 2"


def test_a_statement_that_does_not_exist_is_named() -> None:
    with pytest.raises(AttributeError, match=r"inbox\.sql has no statement named nothing"):
        _ = statements_of("inbox").nothing


async def test_the_tests_empty_every_table_that_there_is(store: Store) -> None:
    async with store.read() as session:
        found = await session.fetch(
            sql(
                "SELECT {{postgres: relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                "AND relkind IN ('r', 'p') AND NOT relispartition}}"
                "{{sqlite: name FROM sqlite_master WHERE type = 'table'}}"
            )
        )
    assert {row["name"] for row in found} == {*TABLES, "schema_migrations"}


async def test_deliveries_that_clickpost_numbered_one_after_the_other_lie_together(store: Store) -> None:
    numbers = [10**11 + step for step in (0, 1, 99_999)]
    together = [delivery(f"osid:{n}") for n in numbers] + [delivery(f"osid:{n}:event:{n % 9}") for n in numbers]
    apart = [delivery(f"osid:{10**11 + 100_000 * n}") for n in range(64)] + [delivery(f"sha:{n}") for n in range(64)]
    async with store.write() as session:
        await inbox.add(session, [*together, *apart])
        await inbox.add(session, [*together, *apart])
    rows = await fetch(store, "SELECT identity, shard FROM inbox")
    shard = {row["identity"]: row["shard"] for row in rows}
    assert len(rows) == len({d.identity for d in [*together, *apart]})
    assert len({shard[d.identity] for d in together}) == 1
    assert len({shard[d.identity] for d in apart}) > 32
    async with store.read() as session:
        assert await inbox.received_at(session, "osid:100000000001") is not None


@pytest.mark.parametrize("state", NoticeState)
async def test_notices_of_every_state_are_listed_newest_first_and_page_by_page(
    store: Store, state: NoticeState
) -> None:
    put_notice = sql(
        "INSERT INTO notices (shard, id, reference_number, milestone, channel, state, why, tries, language, "
        "created_at) VALUES ($1, $2, $3, 'lost', 'mail', $4, '', 0, 'en', $5)"
    )
    async with store.write() as session:
        for number, of in enumerate([*NoticeState, *NoticeState], 1):
            await session.execute(put_notice, number % 3, number, f"R{number}", of.value, T0)
        found = await notices.newest(session, state=state)
        first = await notices.newest(session, state=state, limit=1)
        rest = await notices.newest(session, state=state, before=first[-1].id, limit=1)
    assert [notice.state for notice in found] == [state, state]
    assert first + rest == found
    assert found[0].id > found[1].id
