"""What stands in a failure report: one row for each shipment and API, the table, the page, the lines. No I/O."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from awbridge.clickpost.wire.failures import ANSWER_NAMES, advice_for
from awbridge.domain.privacy import Privacy
from awbridge.domain.sheet import csv_text
from awbridge.steps.audit.calls import class_of, record_of
from awbridge.steps.records.zip_file import Archive
from awbridge.store.audit.calls import KeptCall

SHOWN = 200  # shipments that the page lists; the tables hold all

_STYLE = "body{font:14px sans-serif}td,th{padding:2px 10px;text-align:left;border-bottom:1px solid #ddd}"

COLUMNS = (
    *("reference_number", "waybill", "order_id", "transporter", "courier_partner_id", "account_code"),
    *("state", "given_up", "tries_of_the_day", "tries_so_far", "first_failure", "last_failure"),
    *("method", "url", "http_status", "business_code", "class", "meaning", "advice", "error", "response", "payload"),
)

Key = tuple[str, str]


@dataclass(slots=True, kw_only=True)
class FailedShipment:
    """What one shipment met at one API on a day. Without a shipment: calls that failed the same way."""

    api: str
    calls: int
    first_at: datetime
    last_at: datetime
    last_id: int
    state: str | None
    code: str


def key_of(call: KeptCall) -> Key:
    """Which trouble a call belongs to."""
    same = f"\x00{call.http_status}/{call.business_status}/{call.error[:80]}"
    return call.api, call.reference_number or same


def code_of(call: KeptCall) -> str:
    """A failure in a word or two: ClickPost's code, else the HTTP status, else that no answer came."""
    if call.http_status is None:
        return "no answer"
    return f"HTTP {call.http_status}" if call.business_status is None else str(call.business_status)


def note(troubles: dict[Key, FailedShipment], call: KeptCall) -> None:
    """Add a failed call to what is known of the day."""
    key = key_of(call)
    known = troubles.get(key)
    if known is None:
        troubles[key] = FailedShipment(
            api=call.api,
            calls=1,
            first_at=call.made_at,
            last_at=call.made_at,
            last_id=call.id,
            state=call.state,
            code=code_of(call),
        )
        return
    known.calls += 1
    known.last_at, known.last_id, known.code = call.made_at, call.id, code_of(call)


def row_of(trouble: FailedShipment, call: KeptCall, privacy: Privacy, zone: ZoneInfo) -> list[Any]:
    """A row of the table: the trouble, with its last call."""
    record = record_of(call, privacy)
    return [
        *(call.reference_number, call.waybill, call.order_id, call.transporter, call.courier_partner_id),
        *(call.account_code, call.state, "yes" if call.state == "gave_up" else "no", trouble.calls, call.no_of_retries),
        *(_local(trouble.first_at, zone), _local(trouble.last_at, zone), call.method, record["url"]),
        *(call.http_status, call.business_status, class_of(call.http_status, call.business_status, call.response)),
        *(ANSWER_NAMES.get(call.business_status or 0, ""), advice_for(call.http_status, call.business_status)),
        *(record["error"], _text(record["response"]), _text(record["request"])),
    ]


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds")


def _text(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def subject(day: date, troubles: Mapping[Key, FailedShipment]) -> str:
    """The day in a line."""
    if not troubles:
        return f"ClickPost failures {day.isoformat()}: none"
    shipments, calls = count(troubles), sum(t.calls for t in troubles.values())
    return f"ClickPost failures {day.isoformat()}: {shipments} shipments, {calls} calls"


def count(troubles: Mapping[Key, FailedShipment]) -> int:
    """How many shipments met trouble, at whichever API."""
    return len({reference for _, reference in troubles if not reference.startswith("\x00")})


def page(day: date, zone: ZoneInfo, troubles: Mapping[Key, FailedShipment]) -> str:
    """The summary as HTML."""
    by_api = Counter(t.api for t in troubles.values())
    calls: Counter[str] = Counter()
    codes: Counter[tuple[str, str]] = Counter()
    for trouble in troubles.values():
        calls[trouble.api] += trouble.calls
        codes[trouble.api, trouble.code] += 1
    given_up = Counter(t.api for t in troubles.values() if t.state == "gave_up")
    apis = [(api, by_api[api], given_up[api], calls[api]) for api in sorted(by_api)]
    last = [(api, code, _meaning(code), number) for (api, code), number in sorted(codes.items(), key=_most_first)]
    listed = [
        (api, reference, trouble.state or "", trouble.calls, trouble.code, _local(trouble.last_at, zone))
        for (api, reference), trouble in list(troubles.items())[:SHOWN]
        if not reference.startswith("\x00")
    ]
    more = f"<p>The first {SHOWN}; the tables hold all.</p>" if len(troubles) > SHOWN else ""
    return (
        "<!doctype html>\n<html lang=en><meta charset=utf-8>"
        f"<title>{escape(subject(day, troubles))}</title>\n"
        f"<style>{_STYLE}</style>\n"
        f"<h1>{escape(subject(day, troubles))}</h1>\n<p>From midnight to midnight in {escape(zone.key)}.</p>\n"
        f"<h2>By API</h2>\n{_table(('API', 'shipments or causes', 'given up', 'calls'), apis)}"
        f"<h2>By last answer</h2>\n{_table(('API', 'code', 'meaning', 'shipments or causes'), last)}"
        f"<h2>Shipments</h2>\n{_table(('API', 'reference', 'state', 'calls', 'last code', 'last call'), listed)}{more}"
        "</html>\n"
    )


def _most_first(item: tuple[tuple[str, str], int]) -> tuple[str, int, str]:
    (api, code), number = item
    return api, -number, code


def _meaning(code: str) -> str:
    return ANSWER_NAMES.get(int(code), "") if code.isdecimal() else ""


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(c)}" for c in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(v))}' for v in row)}\n" for row in rows)
    return f"<table><tr>{head}\n{body}</table>\n"


def add_tables(archive: Archive, rows: Mapping[str, Sequence[Sequence[Any]]]) -> None:
    """Add a table for each API."""
    for api, of_api in sorted(rows.items()):
        archive.add(f"{api}.csv", csv_text(COLUMNS, of_api))
