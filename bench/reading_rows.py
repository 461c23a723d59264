"""A year of rows for the reading benchmark: shipments in every state, their scans, and the tables around them.

Each table is a generator of tuples, the same for both engines. What a row is depends on its number alone, so that a
request can name rows without asking the database.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from awbridge.domain.orders.shipment import account_key, shard_of
from awbridge.domain.reconciliation.differences import DifferenceKind
from awbridge.rehearsal.demo_orders import demo_order
from awbridge.store.engine.queries import columns

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
YEAR = timedelta(days=365)
SCANS = 10  # per shipment
ACCOUNTS = [(courier, f"account-{code}") for courier in range(1, 9) for code in range(5)]
HELD_ACCOUNTS = 2
ORDERS_SHARE = 4  # shipments of an order
RECONCILIATIONS, DIFFERENCES = 400, 200_000  # all differences are of one
ENDPOINTS = 3

Row = tuple[object, ...]
# Share of all shipments up to which a number has this kind. A rare state is that of a few old shipments.
_KINDS = (
    (0.790, "delivered"),
    (0.920, "on the way"),
    (0.930, "stuck"),
    (0.940, "late"),
    (0.950, "ndr"),
    (0.951, "piece exception"),
    (0.956, "silent"),
    (0.976, "cancelled"),
    (0.978, "not cancelled"),
    (0.990, "ready"),
    (0.994, "retrying"),
    (0.996, "held"),
    (0.998, "rejected"),
    (1.0, "gave up"),
)
_FEW = 100  # shipments of which some have any kind of row
_RARE = 20  # shipments that wait for ClickPost, the oldest of all
_PHONE = "9000000000"  # of demo_order
_OPEN = frozenset({"on the way", "stuck", "late", "ndr", "piece exception", "silent", "not cancelled"})
_STATES = {"ready": "ready", "retrying": "retrying", "held": "held", "rejected": "rejected", "gave up": "gave_up"}


def reference(number: int) -> str:
    """The reference number of a shipment."""
    return f"READ-{number:08d}"


def waybill(number: int) -> str:
    """Its waybill."""
    return f"57{number:08d}"


def order_id(number: int) -> str:
    """The order of a shipment."""
    return f"ORDER-{number // ORDERS_SHARE:08d}"


def kind_of(number: int) -> str:
    """What became of a shipment."""
    if number < _RARE:
        return "waiting"
    share = number * 2_654_435_761 % 2**32 / 2**32
    return next(kind for limit, kind in _KINDS if share < limit)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one table: its columns, and what yields them."""

    table: str
    columns: tuple[str, ...]
    read: Callable[[int], Iterator[Row]]


def _created(number: int, shipments: int) -> datetime:
    return NOW - YEAR * ((shipments - number) / shipments)


def _shipment(number: int, shipments: int, payload: str) -> dict[str, object]:
    kind, created = kind_of(number), _created(number, shipments)
    courier, code = ACCOUNTS[number % len(ACCOUNTS)]
    row: dict[str, object] = {"shard": shard_of(reference(number)), "reference_number": reference(number)}
    row |= {"order_id": order_id(number), "transporter": f"{courier}-{code}", "courier_partner_id": courier}
    row |= {"account_code": code, "account": account_key(courier, code), "region": "india", "delivery_type": "FORWARD"}
    row |= {"payload": payload, "success": False, "no_of_retries": 0, "cancel_tries": 0, "status_step": 0}
    phone = f"9{number * 2_654_435_761 % 10**9:09d}"
    row |= {"payload": payload.replace(_PHONE, phone), "phone_tail": phone[-4:], "cod": number % 3 == 0}
    row |= {"final": False, "created_at": created, "updated_at": created, "priority": 1, "maybe_placed": False}
    if kind in _STATES or kind == "waiting":
        stopped = kind in ("rejected", "gave up")
        row |= {"state": _STATES.get(kind, kind), "next_try_at": None if stopped else NOW + YEAR}
        return row | {"problem": "Invalid pincode" if stopped else None}
    if kind == "cancelled":
        return row | {"state": "cancelled", "cancel_requested_at": created, "cancel_state": "cancelled"}
    is_open = kind in _OPEN
    seen = NOW - timedelta(hours=number % 24) if is_open else created + timedelta(days=5)
    seen = NOW - timedelta(days=30) if kind in ("stuck", "silent") else seen
    row |= {"state": "placed", "success": True, "placed_at": created, "waybill": waybill(number)}
    row |= {"status_code": 5 if is_open else 8, "status_bucket": 3 if is_open else 6, "status_at": seen}
    row |= {"status_step": 50 if is_open else 100, "final": not is_open, "last_tracked_at": seen, "edd": "2026-12-01"}
    row |= {"edd_due_at": NOW - timedelta(days=2) if kind == "late" else NOW + timedelta(days=3)}
    row["next_poll_at"] = NOW + YEAR if is_open and kind != "silent" else None
    row["ndr_at"] = seen if kind == "ndr" else None
    row["piece_exception_at"] = seen if kind == "piece exception" else None
    row["aged_out_at"] = seen if kind == "silent" else None
    if kind == "not cancelled":
        row |= {"cancel_requested_at": created, "cancel_state": "refused"}
    return row


def _is_placed(number: int) -> bool:
    return kind_of(number) in _OPEN or kind_of(number) == "delivered"


def _shipments(shipments: int) -> Iterator[Row]:
    payload = json.dumps(demo_order(1, 1), separators=(",", ":"))
    names = _SHIPMENT
    for number in range(shipments):
        row = _shipment(number, shipments, payload)
        yield tuple([row.get(name) for name in names])


_SHIPMENT = tuple(name for name in columns()["shipments"] if name not in ("status_description", "ndr_description"))


def _waybills(shipments: int) -> Iterator[Row]:
    for n in filter(_is_placed, range(shipments)):
        yield shard_of(waybill(n)), waybill(n), ACCOUNTS[n % len(ACCOUNTS)][0], reference(n), "main", NOW - YEAR


def _scans(shipments: int) -> Iterator[Row]:
    """Day by day, as they come: the scans of a shipment are far apart on the disk."""
    ordered = sorted((shard_of(reference(n)), reference(n), n) for n in range(shipments))
    for nth in range(SCANS):
        for shard, name, n in ordered:
            at = _created(n, shipments) + timedelta(hours=12 * nth)
            number = f"{n}-{nth}"
            yield (
                *(shard, n * SCANS + nth + 1, name, f"{n:024x}{nth:08x}", number, None),
                *(waybill(n), 4, 5, "In Transit", "Shipment received at facility, connected to destination hub"),
                *("Bengaluru_Hoskote_GW (Karnataka)", None, at, at, "webhook"),
            )


def _attempts(shipments: int) -> Iterator[Row]:
    request, answer = json.dumps(demo_order(1, 1))[:600], '{"meta":{"status":200,"success":true}}'
    for n in range(shipments):
        at, is_placed = _created(n, shipments), _is_placed(n)
        outcome = "placed" if is_placed else "rejected"
        url, filed = "https://www.clickpost.in/api/v3/create-order/", 0 if n % 100 else None
        yield (
            *(shard_of(reference(n)), n + 1, reference(n), "create-order", "POST", url, request, 200),
            *(200 if is_placed else 301, answer, "", outcome, 200, at, None, filed),
        )


def _promises(shipments: int) -> Iterator[Row]:
    for n in filter(_is_placed, range(shipments)):
        yield shard_of(reference(n)), reference(n), _created(n, shipments), "2026-12-01", NOW - YEAR, "webhook"


def _milestones(shipments: int) -> Iterator[Row]:
    for n in filter(_is_placed, range(shipments)):
        at = _created(n, shipments)
        yield shard_of(reference(n)), reference(n), "shipped", 5, None, at, at, None, "", at


def _notices(shipments: int) -> Iterator[Row]:
    for n in range(shipments):
        at = _created(n, shipments)
        state = "failed" if n % 50 == 0 else "sent"
        shard = shard_of(reference(n))
        yield shard, n + 1, reference(n), "shipped", "sms", state, "", None, None, None, 1, "en", at, at


def _actions(shipments: int) -> Iterator[Row]:
    for n in range(0, shipments, 5):
        at, shard = _created(n, shipments), shard_of(reference(n))
        state = "unclear" if n % 1000 == 0 else "refused" if n % 500 == 0 else "done"
        yield (
            *(
                shard,
                f"{shard:02d}-{n:010d}",
                "label",
                reference(n),
                "{}",
                None,
                state,
                1,
                None,
                None,
                None,
                None,
                None,
            ),
            *(at, at, at, None),
        )


def _inbox(shipments: int) -> Iterator[Row]:
    body = b"x" * 300
    first = int((NOW - YEAR).timestamp() * 1e6) << 10
    step = (int(NOW.timestamp() * 1e6) << 10) - first
    for n in range(shipments):
        at, state = _created(n, shipments), n % 100
        problem = "not JSON" if state < 2 else None
        waiting = f"w:unknown-{n}" if state == 2 and n % 1000 < 500 else None
        applied = None if problem or waiting else at
        due = NOW + YEAR if waiting else None
        number = first + step * n // shipments
        yield n % 64, number, f"osid:{n}", "webhook", body, at, due, applied, waiting, 1, problem, 1


def _events(shipments: int) -> Iterator[Row]:
    for n in range(shipments):
        yield shard_of(reference(n)), n + 1, reference(n), "shipment.delivered", "{}", _created(n, shipments)


def _event_deliveries(shipments: int) -> Iterator[Row]:
    for n in range(shipments):
        at = _created(n, shipments)
        state = "failed" if n % 40 == 0 else "due" if n % 200 == 1 else "delivered"
        due = NOW + YEAR if state == "due" else None
        yield shard_of(reference(n)), n + 1, 1 + n % ENDPOINTS, state, 1, due, None, None, 200, None, at


def _endpoints(_: int) -> Iterator[Row]:
    for n in range(ENDPOINTS):
        yield (
            n + 1,
            f"https://erp{n}.example/hook",
            "",
            "whsec_" + "x" * 32,
            None,
            None,
            True,
            None,
            NOW,
            NOW,
            NOW,
            None,
        )


def _accounts(_: int) -> Iterator[Row]:
    for n, (courier, code) in enumerate(ACCOUNTS):
        is_held = n < HELD_ACCOUNTS
        incident, problem = ("account", "suspended") if is_held else ("none", None)
        yield account_key(courier, code), courier, code, incident, problem, NOW, NOW + YEAR


def _transporters(_: int) -> Iterator[Row]:
    for courier, code in ACCOUNTS:
        yield f"{courier}-{code}", courier, code, f"Courier {courier}", True, NOW, NOW, None


def _reports(_: int) -> Iterator[Row]:
    for n in range(1000):
        day = (NOW - timedelta(days=n)).date().isoformat()
        yield f"failures-{n}", "failures", day, "ops@example.com", 5, 9, None, 100, None, None, NOW, 1, NOW


def _erasures(_: int) -> Iterator[Row]:
    for n in range(10_000):
        yield n + 1, "phone", None, f"erased-{n}", NOW, None, 1, NOW, "{}", None


def _runs(_: int) -> Iterator[Row]:
    for n in range(RECONCILIATIONS):
        yield n + 1, f"day-{n}", "hand", "registered", "orders.csv", "2026-11-02", "done", "[]", 0, NOW


def _differences(_: int) -> Iterator[Row]:
    kinds = [kind.value for kind in DifferenceKind]
    for n in range(DIFFERENCES):
        name = reference(n)
        state = "open" if n % 2 else "solved"
        check = NOW + YEAR if state == "open" else None
        yield shard_of(name), 1, kinds[n % len(kinds)], name, n + 1, name, state, 1, check, NOW - timedelta(days=2)


def _archive(_: int) -> Iterator[Row]:
    for n in range(20_000):
        archived = None if n > 19_900 else NOW
        yield n + 1, f"calls-{n}.jsonl.gz", 500, 100_000, None, 1, None, None if archived else NOW + YEAR, archived, NOW


def _windows(_: int) -> Iterator[Row]:
    for n in range(2000):
        at = NOW - timedelta(minutes=5 * n)
        yield at - timedelta(minutes=5), at, None, at, 10, None, None, None


def _arrivals(_: int) -> Iterator[Row]:
    for n in range(1000):
        for courier in range(1, 9):
            at = NOW - timedelta(minutes=10 * n)
            yield at, courier, "webhook", 0, 100, 100, at, at


_WAYBILLS = ("shard", "waybill", "courier_partner_id", "reference_number", "kind", "created_at")
_ATTEMPTS = ("shard", "id", "reference_number", "api", "method", "url", "request", "http_status", "business_status")
_ATTEMPTS += ("response", "error", "outcome", "ms", "made_at", "payload_version", "archive_file")
_ACCOUNTS = ("account", "courier_partner_id", "account_code", "incident", "problem", "since_at", "probe_at")
_RUNS = ("id", "identity", "source", "kind", "name", "day", "state", "windows", "tries", "created_at")
_DIFFERENCES = ("shard", "reconciliation_id", "kind", "item", "id", "reference_number", "state", "checks")
_DIFFERENCES += ("next_check_at", "found_at")
_ARCHIVE = ("id", "object_key", "calls", "bytes", "sha256", "tries", "problem", "next_try_at", "archived_at")
_ARCHIVE += ("created_at",)
_ACTIONS = ("shard", "id", "kind", "reference_number", "body", "idempotency_key", "state", "tries", "next_try_at")
_ACTIONS += ("lease_owner", "lease_ends_at", "problem", "result", "requested_at", "done_at", "updated_at", "retried_at")


def _all(table: str, read: Callable[[int], Iterator[Row]]) -> Rows:
    """Rows with the first columns of the table, as many as they have values."""
    return Rows(table, columns()[table][: len(next(read(_FEW)))], read)


def tables() -> list[Rows]:
    """Every table, the small ones first."""
    return [
        Rows("account_states", _ACCOUNTS, _accounts),
        _all("courier_accounts", _transporters),
        _all("endpoints", _endpoints),
        _all("reports", _reports),
        _all("erasures", _erasures),
        Rows("reconciliations", _RUNS, _runs),
        Rows("differences", _DIFFERENCES, _differences),
        Rows("archive_files", _ARCHIVE, _archive),
        _all("catch_up_windows", _windows),
        _all("arrivals", _arrivals),
        Rows("shipments", _SHIPMENT, _shipments),
        Rows("waybills", _WAYBILLS, _waybills),
        Rows("attempts", _ATTEMPTS, _attempts),
        _all("promises", _promises),
        _all("milestones", _milestones),
        _all("notices", _notices),
        Rows("actions", _ACTIONS, _actions),
        _all("inbox", _inbox),
        _all("events", _events),
        _all("event_deliveries", _event_deliveries),
        _all("scans", _scans),
    ]


def shown(value: Any) -> Any:
    """A value as SQLite stores it."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")[:26] + "Z"
    return value
