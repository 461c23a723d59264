"""Every action that an actor takes is recorded in its own transaction; what background loops do is not."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from awbridge.documents.making import DocumentMaker
from awbridge.domain.couriers.downtime import Downtime
from awbridge.domain.errors import NotPossible
from awbridge.domain.handover.labels import Layout
from awbridge.domain.orders.action import ActionKind
from awbridge.domain.people.actor import Actor, ActorKind, acting, current_actor, named_actor
from awbridge.domain.people.audited import ACTION_TEXTS, AuditAction
from awbridge.domain.people.role import Role
from awbridge.domain.reconciliation.decisions import Decision
from awbridge.steps.couriers import couriers as courier_steps
from awbridge.steps.couriers import downtimes as downtime_steps
from awbridge.steps.couriers import moving
from awbridge.steps.customer_page import answers as answer_steps
from awbridge.steps.customer_page.revoke_link import revoke_link
from awbridge.steps.handover.manifests import make_manifest
from awbridge.steps.handover.print_labels import print_labels
from awbridge.steps.notify import endpoints as endpoint_steps
from awbridge.steps.orders import actions, amend, intake, settle
from awbridge.steps.orders import saved_views as saved_views_steps
from awbridge.steps.orders.amend import Edit
from awbridge.steps.orders.importing import import_file
from awbridge.steps.polling.track_order import resume_polling
from awbridge.steps.privacy.erase import ask_erasure
from awbridge.steps.reconciliation.decide import decide
from awbridge.steps.reconciliation.differences import push_again
from awbridge.steps.reconciliation.reconcile import ReconcilePolicy, begin_day, begin_scheduled, reconcile_due
from awbridge.steps.reconciliation.report_files import kind_of_file, take_file
from awbridge.steps.tracking import replay
from awbridge.steps.tracking.apply import ApplyPolicy
from awbridge.store import Store
from awbridge.store.couriers import accounts, downtimes
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.notify import endpoints, opt_outs
from awbridge.store.people import audit_log
from awbridge.store.polling import webhook_keys
from awbridge.store.reconciliation import differences
from awbridge.store.tracking import inbox
from tests.support.answers import failed_delivery, given
from tests.support.answers import policy as answer_policy
from tests.support.labels import FakeFiles, a_fetcher, placed_with_label
from tests.support.rows import add, decided, delivery, place, sql
from tests.support.world import INDIA, SetClock, an_order, get

pytestmark = pytest.mark.heavy

OPERATOR = Actor(kind=ActorKind.PERSON, name="vikram", role=Role.OPERATOR)
PHONE = "9812345678"


class World:
    """A store with shipments in several states, and what the steps need."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = SetClock()
        self.steps: dict[str, Any] = {"store": store, "clock": self.clock}

    async def fill(self) -> None:
        await decided(self.store, placed=0, refused=1, clock=self.clock)
        for reference in ("READY", "PLACED", "MAYBE"):
            await add(self.store, reference, payload=an_order(reference, account_code="main"))
        await place(self.store, "PLACED", "AWB1")
        async with self.store.write() as session:
            text = "UPDATE shipments SET maybe_placed = TRUE, sent_at = $1 WHERE reference_number = 'MAYBE'"
            await session.execute(sql(text), self.clock())
            text = "UPDATE shipments SET sent_at = $1 WHERE reference_number = 'PLACED'"
            await session.execute(sql(text), self.clock())
            await inbox.add(session, [delivery("x", problem="not read")])

    async def endpoint(self) -> int:
        async with self.store.write() as session:
            added = await endpoints.add(session, "https://user:pw@erp.example/hook?key=hidden", now=self.clock())
        return added.id

    async def in_session(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        async with self.store.write() as session:
            return await work(session)


@asynccontextmanager
async def a_world(store: Store) -> AsyncIterator[World]:
    world = World(store)
    await world.fill()
    yield world


async def log_of(store: Store) -> list[audit_log.AuditRecord]:
    async with store.read() as session:
        return list(reversed(await audit_log.page(session, limit=100)))


async def retried(w: World) -> None:
    await intake.retry(**w.steps, reference_number="REFUSED-0")


async def cancelled(w: World) -> None:
    await intake.cancel(**w.steps, reference_number="READY")


async def changed(w: World) -> None:
    await amend.change(
        **w.steps,
        reference_number="READY",
        edit=Edit(fields={"drop_info.drop_phone": PHONE, "drop_info.drop_name": "Usha Menon"}),
        changed_by="x",
        reason=f"{PHONE} called",
    )


async def replaced(w: World) -> None:
    await amend.replace(**w.steps, reference_number="PLACED", edit=Edit(fields={"drop_info.drop_phone": PHONE}))


async def link_revoked(w: World) -> None:
    await revoke_link(**w.steps, reference_number="PLACED")


async def answered(w: World) -> None:
    await failed_delivery(w.store, w.clock, "FAILED", "AWB7")
    for kind in ("pick_up", "deliver_again"):
        received = await given(w.store, w.clock, "FAILED", kind=kind)
        assert received.answer
        settle_answer = {**w.steps, "answer_id": received.answer.id, "by": "x"}
        if kind == "pick_up":
            await answer_steps.dismiss(**settle_answer, note=f"{PHONE} called")
        else:
            await answer_steps.confirm(**settle_answer, policy=answer_policy())


async def settled(w: World) -> None:
    await settle.not_held(**w.steps, reference_number="MAYBE", by="x")


async def polled(w: World) -> None:
    await resume_polling(**w.steps, references=["PLACED", "READY"], ask_again=timedelta(hours=2))


async def asked(w: World) -> None:
    body = {"drop_phone": PHONE}
    await actions.ask(**w.steps, kind=ActionKind.EDIT, reference_number="PLACED", body=body)


async def action_settled(w: World) -> None:
    made = await actions.ask(**w.steps, kind=ActionKind.LABEL, reference_number="PLACED")
    async with w.store.write() as session:
        await session.execute(sql("UPDATE actions SET state = 'refused', next_try_at = NULL"))
    await actions.settle(**w.steps, action_id=made.action.id, held=False, by="x")
    await actions.retry(**w.steps, action_id=made.action.id)


async def imported(w: World) -> None:
    rows = [import_file.ReadOrder(line=1, order=an_order("NEW", courier_partner=4, account_code="a"))]
    await import_file.import_orders(**w.steps, orders=rows)


async def courier_saved(w: World) -> None:
    for code in ("a", "b", "b"):
        account = CourierAccount(transporter="North", courier_partner_id=4, account_code=code)
        await courier_steps.put_couriers(**w.steps, accounts=[account])
    rows = [{"name": "all", "transporter": "North"}]
    await courier_steps.put_rules(**w.steps, rows=rows)
    await courier_steps.put_rules(**w.steps, rows=[])
    other = CourierAccount(transporter="South", courier_partner_id=4, account_code="c")
    await courier_steps.put_couriers(**w.steps, accounts=[other])
    await moving.move_shipments(**w.steps, from_transporter="North", to_transporter="South")
    await moving.move_each(**w.steps, references=["READY", "PLACED", "GONE"], to_transporter="South")
    await courier_steps.remove_courier(store=w.store, transporter="North")


async def downtime(w: World) -> None:
    made = Downtime(
        id=0, courier_partner_id=4, account=None, from_at=w.clock(), to_at=w.clock() + timedelta(hours=1), zone="UTC"
    )
    added = await w.in_session(lambda s: downtimes.add(s, made, now=w.clock()))
    assert await w.in_session(lambda s: downtimes.remove(s, added.id))
    assert not await w.in_session(lambda s: downtimes.remove(s, added.id))


async def rate(w: World) -> None:
    for per_second in (5.0, None):
        await w.in_session(lambda s, per_second=per_second: accounts.set_rate(s, 4, "main", per_second))


async def endpoint(w: World) -> None:
    number = await w.endpoint()
    world = {**w.steps, "endpoint_id": number}
    since = w.clock() - timedelta(days=1)
    networks = [ip_network("127.0.0.0/8")]
    await endpoint_steps.change(**world, url="https://127.0.0.1/hook?key=hidden", kinds=[], networks=networks)
    await endpoint_steps.replay(**world, since=since)
    for step in (endpoint_steps.rotate, endpoint_steps.disable, endpoint_steps.enable, endpoint_steps.redeliver):
        await step(**world)
    await endpoint_steps.remove(**world)


async def account_reset(w: World) -> None:
    async with w.store.write() as session:
        await accounts.ensure(session, [(4, "main")])
        await session.execute(sql("UPDATE account_states SET incident = 'account'"))
    await downtime_steps.reset_account(**w.steps, courier_partner_id=4, account_code="main")


async def handed_over(w: World) -> None:
    files = FakeFiles()
    files.put("AWB5")
    await placed_with_label(w.store, w.clock, 5)
    world = {**w.steps, "references": ["R-5"], "by": "x"}
    fetcher = a_fetcher(w.store, w.clock, files)
    await print_labels(**world, fetcher=fetcher, documents=DocumentMaker(), layout=Layout.A4_FOUR)
    await make_manifest(**world, account="4:main")


async def viewed(w: World) -> None:
    await saved_views_steps.save_view(**w.steps, name="COD", query="cod=true")
    await saved_views_steps.remove_view(store=w.store, name="COD")


async def opted_out(w: World) -> None:
    for _ in range(2):
        await w.in_session(lambda s: opt_outs.add(s, f"+91{PHONE}", now=w.clock()))
    assert await w.in_session(lambda s: opt_outs.remove(s, f"+91{PHONE}"))


async def erased(w: World) -> None:
    await ask_erasure(**w.steps, phone=PHONE)


async def webhook_key(w: World) -> None:
    url = "https://ship.example/webhooks/clickpost?secret=hidden"
    await w.in_session(lambda s: webhook_keys.add(s, "the key", webhook_url=url, now=w.clock()))
    assert await w.in_session(lambda s: webhook_keys.remove(s, webhook_keys.digest("the key")))


async def dead_letters(w: World) -> None:
    assert await w.in_session(lambda s: inbox.replay(s, now=w.clock())) == 1


async def replayed(w: World) -> None:
    await replay.begin(**w.steps)
    await replay.begin(**w.steps)
    await replay.rebuild_one(**w.steps, reading=ApplyPolicy(zone=INDIA), reference_number="PLACED")


async def reconciled(w: World) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"AWB,Status\nAWB1,Delivered\n"

    name = "r-2026-11-02.csv"
    world = {**w.steps, "kind": kind_of_file(name), "day": None}
    run = await take_file(**world, parts=parts(), name=name, source="upload")
    await reconcile_due(**w.steps, clickpost=None, policy=ReconcilePolicy(zone=INDIA), only=run.id)
    await push_again(**w.steps, reconciliation_id=run.id)
    async with w.store.read() as session:
        found = await differences.listed_open(session, run.id, limit=10)
    await decide(**w.steps, reconciliation_id=run.id, difference_ids=[d.id for d in found], decision=Decision.SOLVE)
    await begin_day(**w.steps, zone=INDIA, day=w.clock().date())


A = AuditAction
CASES: dict[Callable[[World], Awaitable[None]], list[AuditAction]] = {
    retried: [A.SHIPMENT_RETRIED],
    cancelled: [A.SHIPMENT_CANCELLED],
    changed: [A.SHIPMENT_PAYLOAD_CHANGED],
    replaced: [A.SHIPMENT_REPLACED],
    settled: [A.SHIPMENT_SETTLED],
    link_revoked: [A.LINK_REVOKED],
    answered: [A.ANSWER_DISMISSED, A.ACTION_REQUESTED, A.ANSWER_CONFIRMED],
    polled: [A.SHIPMENT_POLLED],
    asked: [A.ACTION_REQUESTED],
    action_settled: [A.ACTION_REQUESTED, A.ACTION_SETTLED, A.ACTION_RETRIED],
    imported: [A.ORDERS_IMPORTED],
    courier_saved: [
        *(A.COURIER_SAVED, A.COURIER_SAVED, A.RULES_REPLACED, A.RULES_REPLACED, A.COURIER_SAVED),
        *(A.COURIER_MOVED, A.COURIER_MOVED, A.COURIER_REMOVED),
    ],
    downtime: [A.DOWNTIME_ADDED, A.DOWNTIME_REMOVED],
    rate: [A.RATE_SET, A.RATE_SET],
    endpoint: [
        *(A.ENDPOINT_ADDED, A.ENDPOINT_CHANGED, A.ENDPOINT_REPLAYED),
        *(A.ENDPOINT_ROTATED, A.ENDPOINT_DISABLED, A.ENDPOINT_ENABLED, A.ENDPOINT_REDELIVERED),
        A.ENDPOINT_REMOVED,
    ],
    opted_out: [A.OPT_OUT_ADDED, A.OPT_OUT_REMOVED],
    erased: [A.ERASURE_REQUESTED],
    webhook_key: [A.WEBHOOK_KEY_ADDED, A.WEBHOOK_KEY_REVOKED],
    dead_letters: [A.DEAD_LETTERS_RETRIED],
    replayed: [A.REPLAY_BEGUN, A.SHIPMENT_REBUILT],
    account_reset: [A.ACCOUNT_RESET],
    handed_over: [A.LABELS_PRINTED, A.MANIFEST_MADE],
    viewed: [A.VIEW_SAVED, A.VIEW_REMOVED],
    reconciled: [A.RECONCILIATION_BEGUN, A.RECONCILIATION_PUSHED, A.DIFFERENCE_DECIDED, A.RECONCILIATION_BEGUN],
}
_KINDS_ELSEWHERE = ("person.", "api_key.", "database.", "clickpost_account.")
ELSEWHERE = {action for action in AuditAction if action.startswith(_KINDS_ELSEWHERE)}


@pytest.mark.parametrize("step", CASES, ids=lambda step: step.__name__)
async def test_an_action_is_recorded_with_who_did_it(store: Store, step: Callable[[World], Awaitable[None]]) -> None:
    async with a_world(store) as world:
        with acting(OPERATOR):
            await step(world)
        entries = await log_of(store)
        assert [entry.action for entry in entries] == CASES[step]
        assert {(entry.actor_kind, entry.actor) for entry in entries} == {(ActorKind.PERSON, "vikram")}
        for private in (PHONE, "Usha", "hidden", "pw@", "called"):
            assert private not in str(entries), "the log holds no data of customers and no secret"


@pytest.mark.parametrize("step", CASES, ids=lambda step: step.__name__)
async def test_without_an_actor_nothing_is_recorded(store: Store, step: Callable[[World], Awaitable[None]]) -> None:
    async with a_world(store) as world:
        await step(world)
        await begin_scheduled(**world.steps, zone=INDIA, due_at=world.clock())
        assert await log_of(store) == []


def test_every_action_is_tried_here_or_where_people_are() -> None:
    assert {action for actions_ in CASES.values() for action in actions_} | ELSEWHERE == set(AuditAction)
    assert set(ACTION_TEXTS) == set(AuditAction)


async def test_before_and_after_say_what_changed(store: Store) -> None:
    async with a_world(store) as world:
        with acting(OPERATOR):
            await changed(world)
            await cancelled(world)
            await rate(world)
        payload, cancel, *rates = await log_of(store)
    assert payload.subject == cancel.subject == "READY"
    assert payload.before == {"version": 1, "state": "ready"}
    assert payload.after == {"version": 2, "fields": ["drop_info.drop_name", "drop_info.drop_phone"]}
    assert cancel.before == {"state": "ready", "requested": None}
    assert cancel.after
    assert cancel.after["state"] == "cancelled"
    assert [(r.subject, r.before, r.after) for r in rates] == [
        ("4:main", {"rate_per_second": None}, {"rate_per_second": 5.0}),
        ("4:main", {"rate_per_second": 5.0}, {"rate_per_second": None}),
    ]


async def test_what_is_rolled_back_is_not_recorded(store: Store) -> None:
    async with a_world(store) as world:
        with acting(OPERATOR), pytest.raises(NotPossible):
            await intake.retry(**world.steps, reference_number="PLACED")
        with acting(OPERATOR), contextlib.suppress(RuntimeError):
            async with store.write() as session:
                await audit_log.record(session, A.SHIPMENT_RETRIED, "PLACED", now=world.clock())
                raise RuntimeError
        assert await log_of(store) == []
        assert (await get(store, "PLACED")).success


async def test_the_log_is_read_page_by_page_and_filtered(store: Store) -> None:
    clock = SetClock()
    names = ("asha", "vikram")
    for n in range(20):
        with acting(Actor(kind=ActorKind.PERSON, name=names[n % 2], role=Role.ADMIN)):
            async with store.write() as session:
                action = (A.SHIPMENT_RETRIED, A.SHIPMENT_CANCELLED)[n // 2 % 2]
                await audit_log.record(session, action, f"R-{n % 5}", now=clock())
    async with store.read() as session:
        everything = await audit_log.page(session, limit=100)
        first = await audit_log.page(session, limit=8)
        second = await audit_log.page(session, limit=100, before_id=first[-1].id)
        assert [*first, *second] == everything
        assert len(everything) == 20
        for actor in ("", "asha"):
            for action in ("", A.SHIPMENT_CANCELLED):
                for subject in ("", "R-3"):
                    found = await audit_log.page(session, actor=actor, action=action, subject=subject, limit=100)
                    assert found == [
                        entry
                        for entry in everything
                        if actor in ("", entry.actor)
                        and action in ("", entry.action)
                        and subject in ("", entry.subject)
                    ]
                    assert found


def test_an_actor_lasts_as_long_as_its_block() -> None:
    assert current_actor() is None
    with acting(OPERATOR):
        assert current_actor() is OPERATOR
        with acting(None):
            assert named_actor("api") == "api"
        assert named_actor("api") == "vikram"
    assert current_actor() is None
    with acting(Actor(kind=ActorKind.KEY, name="order system", role=Role.OPERATOR)):
        assert named_actor("api") == "api (order system)"
