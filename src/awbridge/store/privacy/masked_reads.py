"""Reads of actors who may not see personal data: every row is masked as it leaves the database.

It happens here, under every page and route, so that none can forget it. A column that holds text is in exactly one of
the sets below; tests/store/privacy/test_masked_reads.py fails for a new column that is in none.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from typing import Any, cast

from awbridge.domain.people.actor import Actor, current_actor
from awbridge.domain.privacy import PersonalKind, Privacy, Treatment, Veil, veiled
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.packing import unpacked, whole
from awbridge.store.engine.queries import Statement

# Bodies: JSON, or text in which personal values are searched for. Those that name people come first: what they name
# is then also hidden in the others.
BODIES = (
    *("payload", "request", "body", "response", "result", "return_event", "ours", "theirs"),
    *("columns_read", "not_understood"),
)
# Texts of people, couriers, ClickPost and other services. The people in the row's bodies are hidden; so is every
# mail address and phone number.
TEXTS = frozenset(
    (
        *("problem", "difference", "status_description", "ndr_description", "npr_description", "description"),
        *("status", "remark", "location", "reason", "why", "url", "error", "text", "warning", "solved_how", "edd"),
        "subject",
    )
)
# Not shown at all: a label shows the address.
HIDDEN = frozenset(("label_url", "content", "phone_tail"))
_OWN = ("reference_number", "order_id", "waybill", "forward_waybill", "replaces", "replaced_by", "vendor_order_id")

_POLICY = Privacy(
    kinds=dict.fromkeys(PersonalKind, Treatment.MASK),
    # Documents that show the address or the signature.
    fields=dict.fromkeys(("*label*", "*invoice_base*", "*pod*", "*proof*", "*signature*"), Treatment.DROP),
)
_REQUEST: ContextVar[tuple[Actor, Veil] | None] = ContextVar("masked_request", default=None)


def masked_for_actor(reading: AbstractAsyncContextManager[Session]) -> AbstractAsyncContextManager[Session]:
    """A session for reading, masked where the current actor may not see personal data."""
    actor = current_actor()
    return _masked(reading, actor) if actor is not None and actor.is_masked else reading


@asynccontextmanager
async def _masked(reading: AbstractAsyncContextManager[Session], actor: Actor) -> AsyncGenerator[Session]:
    async with reading as session:
        yield cast("Session", MaskedSession(session, _people_of_request(actor)))


def _people_of_request(actor: Actor) -> Veil:
    """The people in the rows of this request so far: a shipment's payload names the people of its scans."""
    known = _REQUEST.get()
    if known is None or known[0] is not actor:
        known = (actor, Veil(_POLICY, each_name=True))
        _REQUEST.set(known)
    return known[1]


class MaskedSession:
    """A session whose rows come masked. It only reads."""

    def __init__(self, session: Session, people: Veil) -> None:
        self._session = session
        self._people = people

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        """All rows of a statement, masked."""
        return [mask_row(row, self._people) for row in await self._session.fetch(statement, *args)]

    async def fetch_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> list[Row]:
        """All that a statement returns for many rows, masked."""
        return [mask_row(row, self._people) for row in await self._session.fetch_rows(statement, rows)]


def mask_row(row: Row, people: Veil) -> Row:
    """A row without personal data. `people`: learns whom the row names, and hides them."""
    row = whole(row)
    names = tuple(row.keys())
    if not any(name in TEXTS or name in HIDDEN or name in BODIES for name in names):
        return row
    veil = Veil(_POLICY, each_name=True)
    veil.own.update(str(row[name]) for name in _OWN if name in names and row[name])
    bodies = [name for name in BODIES if name in names and isinstance(row[name], (str, bytes))]
    for name in bodies:  # first whom it names anywhere, then what is shown of it
        _ = veil.body(_text(row[name]))
    people.learn_from(veil)
    shown: dict[str, Any] = dict(row)
    for name in bodies:
        shown[name] = _like(row[name], _body(veil, people, _text(row[name])))
    for name in names:
        if name in HIDDEN and row[name] is not None:
            shown[name] = None
        elif name in TEXTS and isinstance(row[name], str):
            shown[name] = _without(row[name], veil, people)
    return shown


def _body(veil: Veil, people: Veil, text: str) -> str:
    value = veil.body(text)
    if isinstance(value, str):
        return _without(value, veil, people)
    return people.text(json.dumps(value, ensure_ascii=False))


def _without(text: str, *veils: Veil) -> str:
    own = {name for veil in veils for name in veil.own}
    for veil in veils:
        text = veil.text(text)
    return veiled(text, own=own)


def _text(value: str | bytes) -> str:
    return unpacked(value).decode("utf-8", "replace") if isinstance(value, bytes) else value


def _like(before: str | bytes, text: str) -> str | bytes:
    return text.encode("utf-8", "replace") if isinstance(before, bytes) else text
