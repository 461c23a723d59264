"""Rows as a viewer reads them; and every column of text is known to be masked or to hold no personal data."""

from __future__ import annotations

import json
import re

import pytest

from awbridge.domain.people.actor import Actor, ActorKind, acting
from awbridge.domain.people.role import Role
from awbridge.domain.privacy import LONGEST_LIST
from awbridge.store import Store
from awbridge.store.engine import packing
from awbridge.store.engine.queries import schema_text
from awbridge.store.orders import shipments
from awbridge.store.privacy.masked_reads import BODIES, HIDDEN, TEXTS
from tests.support.rows import add, fetch, sql

pytestmark = pytest.mark.heavy

VIEWER = Actor(kind=ActorKind.KEY, name="a viewer", role=Role.VIEWER)
OPERATOR = Actor(kind=ActorKind.KEY, name="an operator", role=Role.OPERATOR)
# Codes, names of our own and of couriers, identifiers, hashes; what no viewer may ask for.
NO_PERSON = {
    *(
        "account",
        "account_code",
        "action",
        "actor",
        "actor_kind",
        "address_hash",
        "allocated_by",
        "api",
    ),
    *("secrets", "settings", "title"),  # of accounts, set by the operators
    *("cancel_state", "cause", "changed_by", "channel", "checkpoint_id", "children", "counts", "created_by", "day"),
    *("delivery_type", "destination", "ends", "entries", "fallback", "fingerprint", "forward_reference_number"),
    *("forward_waybill", "id", "idempotency_key", "identity", "incident", "item", "job", "kind", "kinds", "language"),
    *("lease_owner", "link_sha256", "login", "method", "milestone", "name", "next_page", "object_key", "oidc_subject"),
    *("old_secret", "order_id", "outcome", "password_hash", "pseudonym", "reference_number", "region", "replaced_by"),
    *("replaces", "role", "scan_id", "secret", "security_key", "settle_by", "settled_by", "sha256", "sort_code"),
    *("source", "starts", "state", "token_sha256", "transporter", "vendor_order_id", "waits_for", "waiting_for"),
    *("waybill", "webhook_url", "weekdays", "zone", "device", "before_json", "after_json", "conditions", "accounts"),
    *("figures", "found", "windows", "cod", "cod_total", "layout", "query", "host", "version"),
    *("holder", "not_for", "copies"),
}
_COLUMN = re.compile(r"^  ([a-z]\w*) (?:TEXT|BYTEA)\b", re.MULTILINE)
TEXT_COLUMNS = sorted(set(_COLUMN.findall(schema_text())))


@pytest.mark.parametrize("column", TEXT_COLUMNS)
def test_every_column_of_text_is_masked_or_known_to_name_nobody(column: str) -> None:
    places = [column in BODIES, column in TEXTS, column in HIDDEN, column in packing.TEXTS, column in NO_PERSON]
    assert sum(places) == 1, f"{column}: put it into one of the sets of masked_reads.py, or into NO_PERSON above"


def test_the_sets_name_columns_that_exist() -> None:
    assert {*BODIES, *TEXTS, *HIDDEN, *packing.TEXTS, *NO_PERSON} == set(TEXT_COLUMNS)


PAYLOAD = {
    "shipment_details": {"reference_number": "9812345678"},
    "drop_info": {"drop_name": "Asha Rao", "drop_phone": 9812300000, "drop_address": "12 MG Road", "drop_city": "Pune"},
}
PROBLEM = "9812345678: the phone 9812300000 of Asha is wrong, call +91 98111 22222"


async def a_shipment(store: Store, reference: str = "9812345678") -> None:
    await add(store, reference, payload=PAYLOAD)
    async with store.write() as session:
        statement = (
            "UPDATE shipments SET problem = $1, label_url = 'https://l.example/1.pdf' WHERE reference_number = $2"
        )
        await session.execute(sql(statement), PROBLEM, reference)


async def test_a_viewer_reads_a_masked_row_with_its_identifiers(store: Store) -> None:
    await a_shipment(store)
    with acting(VIEWER):
        async with store.read() as session:
            seen = await shipments.get(session, "9812345678")
    assert seen
    assert seen.payload["drop_info"] == {
        "drop_name": "A*** R***",
        "drop_phone": "*******000",
        "drop_address": "[address of 10 characters]",
        "drop_city": "Pune",
    }
    assert seen.payload["shipment_details"] == {"reference_number": "9812345678"}
    assert seen.problem == "9812345678: the phone *******000 of A*** is wrong, call ************222"
    assert seen.label_url is None


@pytest.mark.parametrize("actor", [None, OPERATOR])
async def test_others_read_the_row_as_it_is(store: Store, actor: Actor | None) -> None:
    await a_shipment(store)
    with acting(actor):
        async with store.read() as session:
            seen = await shipments.get(session, "9812345678")
    assert seen
    assert (seen.payload, seen.problem) == (PAYLOAD, PROBLEM)


async def test_whom_one_row_names_is_hidden_in_the_rows_that_follow_within_the_request(store: Store) -> None:
    await a_shipment(store)
    text = "SELECT 'handed to Asha Rao of 12 MG Road' AS remark FROM shipments"
    with acting(VIEWER):
        assert "Asha" in (await fetch(store, text))[0]["remark"], "nobody has named her yet"
        await fetch(store, "SELECT payload, packed_payload FROM shipments")
        (row,) = await fetch(store, text)
    assert row["remark"] == "handed to A*** R*** of [address of 10 characters]"
    with acting(Actor(kind=ActorKind.KEY, name="a viewer", role=Role.VIEWER)):
        assert "Asha" in (await fetch(store, text))[0]["remark"], "another request"


async def test_in_a_long_list_every_row_is_masked(store: Store) -> None:
    number = LONGEST_LIST
    for n in range(number):
        payload = {**PAYLOAD, "drop_info": {"drop_name": f"Person{n} Family{n}"}}
        await add(store, f"R-{n}", payload=payload)
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET problem = 'no ' || reference_number || ' of ' || payload"))
    with acting(VIEWER):
        rows = await fetch(store, "SELECT reference_number, payload, packed_payload, problem FROM shipments")
    assert len(rows) == number
    assert not [row for row in rows if re.search(r"Person\d|Family\d", json.dumps(row, default=str))]


async def test_bytes_and_what_is_no_json_are_masked_too(store: Store) -> None:
    with acting(VIEWER):
        (row,) = await fetch(
            store,
            "SELECT CAST($1 AS {{postgres: BYTEA}}{{sqlite: BLOB}}) AS body",
            b"not JSON: call 9812300000, a@b.example",
        )
    assert bytes(row["body"]) == b"not JSON: call *******000, a***@b.example"


async def test_what_is_packed_is_masked_like_the_columns_that_it_stands_for(store: Store) -> None:
    people = json.dumps({"drop_name": "Asha Rao", "drop_phone": "9812300000"})
    value = "CAST($1 AS {{postgres: BYTEA}}{{sqlite: BLOB}})"
    with acting(VIEWER):
        (body,) = await fetch(store, f"SELECT {value} AS body", packing.packed(people.encode()))
        (call,) = await fetch(
            store,
            f"SELECT {value} AS packed_call, '' AS url, '' AS request, '' AS response",
            packing.packed_texts("https://api.example/?phone=9812300000", people, "Asha Rao is not there"),
        )
    shown = bytes(body["body"]).decode() + "".join(map(str, call.values()))
    assert not re.search("Asha|Rao|98123", shown)
    assert json.loads(call["request"])["drop_phone"] == "*******000"


async def test_writing_is_not_masked(store: Store) -> None:
    await a_shipment(store)
    with acting(VIEWER):
        async with store.write() as session:
            (row,) = await session.fetch(sql("SELECT payload, packed_payload FROM shipments"))
    assert json.loads(packing.whole(row)["payload"]) == PAYLOAD
