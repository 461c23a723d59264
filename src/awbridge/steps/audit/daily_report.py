"""The content of a day's failure report: a table for each API, the summary page, the calls. No I/O but its template."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from awbridge.clickpost.wire.answer_codes import ANSWER_NAMES, advice_for
from awbridge.domain.json import JsonObject
from awbridge.domain.privacy import Privacy
from awbridge.domain.sheet import csv_text
from awbridge.steps.audit.calls import record_of
from awbridge.steps.records.zip_file import Archive, as_lines
from awbridge.store.audit.attempts import KeptCall

SHOWN = 200  # shipments that the page lists; the tables hold all

COLUMNS = (
    *("reference_number", "waybill", "order_id", "transporter", "courier_partner_id", "account_code"),
    *("state", "given_up", "tries_of_the_day", "tries_so_far", "first_failure", "last_failure"),
    *("method", "url", "http_status", "business_code", "class", "meaning", "advice", "error", "response", "payload"),
)

_Key = tuple[str, str]  # API; the reference number, or what calls without a shipment have in common


@dataclass(slots=True, kw_only=True)
class _Failure:
    """The failed calls of one shipment at one API. Calls without a shipment are grouped by how they failed."""

    reference_number: str | None
    state: str | None
    first_at: datetime
    last_at: datetime
    code: str
    calls: int = 0


@dataclass(slots=True)
class _Contents:
    """What one destination receives: a row for each failure, in the order of their last calls, and a line a call."""

    privacy: Privacy
    rows: dict[_Key, list[Any]] = field(default_factory=dict[_Key, list[Any]])
    lines: list[str] = field(default_factory=list[str])


class FailureReport:
    """The failed calls of one day, added oldest first. A call is masked once for each destination."""

    def __init__(self, day: date, zone: ZoneInfo, destinations: Sequence[Privacy]) -> None:
        self._day = day
        self._zone = zone
        self._failures: dict[_Key, _Failure] = {}
        self._contents = [_Contents(privacy) for privacy in destinations]

    def add(self, call: KeptCall) -> None:
        """Add a failed call."""
        key = call.api, call.reference_number or f"\x00{call.http_status}/{call.business_status}/{call.error[:80]}"
        failure = self._failures.get(key)
        if failure is None:
            failure = self._failures[key] = _Failure(
                reference_number=call.reference_number,
                state=call.state,
                first_at=call.made_at,
                last_at=call.made_at,
                code=_code(call),
            )
        failure.calls += 1
        failure.last_at, failure.code = call.made_at, _code(call)
        for contents in self._contents:
            record = record_of(call, contents.privacy)
            contents.lines.append(as_lines([record]))
            contents.rows.pop(key, None)
            contents.rows[key] = _row(failure, call, record, self._zone)

    @property
    def shipments(self) -> int:
        """How many shipments had a failed call, at any API."""
        return len({f.reference_number for f in self._failures.values() if f.reference_number})

    @property
    def calls(self) -> int:
        """How many calls failed."""
        return sum(f.calls for f in self._failures.values())

    @property
    def subject(self) -> str:
        """The day in a line."""
        counts = f"{self.shipments} shipments, {self.calls} calls" if self._failures else "none"
        return f"ClickPost failures {self._day.isoformat()}: {counts}"

    def page(self) -> str:
        """The summary as HTML."""
        found = [(api, failure) for (api, _), failure in self._failures.items()]
        causes = Counter(api for api, _ in found)
        given_up = Counter(api for api, failure in found if failure.state == "gave_up")
        calls: Counter[str] = Counter()
        for api, failure in found:
            calls[api] += failure.calls
        codes = Counter((api, failure.code) for api, failure in found)
        return _template().render(
            subject=self.subject,
            zone=self._zone.key,
            apis=[(api, causes[api], given_up[api], calls[api]) for api in sorted(causes)],
            codes=[(api, code, _meaning(code), n) for (api, code), n in sorted(codes.items(), key=_most_first)],
            shipments=[
                (api, f.reference_number, f.state or "", f.calls, f.code, _local(f.last_at, self._zone))
                for api, f in found[:SHOWN]
                if f.reference_number
            ],
            cut_at=SHOWN if len(found) > SHOWN else None,
        )

    def zips(self) -> list[bytes | None]:
        """The file of each destination, in their order; None on a day without failures."""
        page = self.page()
        return [self._zip(contents, page) if self._failures else None for contents in self._contents]

    def _zip(self, contents: _Contents, page: str) -> bytes:
        archive = Archive(self._day)
        archive.add("summary.html", page)
        for api in sorted({api for api, _ in contents.rows}):
            of_api = [row for (row_api, _), row in contents.rows.items() if row_api == api]
            archive.add(f"{api}.csv", csv_text(COLUMNS, of_api))
        archive.add("calls.jsonl", "".join(contents.lines))
        return archive.content()


def _code(call: KeptCall) -> str:
    """A failure in a word or two: ClickPost's code, else the HTTP status, else that there was no answer."""
    if call.http_status is None:
        return "no answer"
    return f"HTTP {call.http_status}" if call.business_status is None else str(call.business_status)


def _row(failure: _Failure, call: KeptCall, record: JsonObject, zone: ZoneInfo) -> list[Any]:
    """A row of the table: the failure, with its last call."""
    return [
        *(call.reference_number, call.waybill, call.order_id, call.transporter, call.courier_partner_id),
        *(call.account_code, call.state, "yes" if call.state == "gave_up" else "no", failure.calls, call.no_of_retries),
        *(_local(failure.first_at, zone), _local(failure.last_at, zone), call.method, record["url"]),
        *(call.http_status, call.business_status, record["class"]),
        *(ANSWER_NAMES.get(call.business_status or 0, ""), advice_for(call.http_status, call.business_status)),
        *(record["error"], _text(record["response"]), _text(record["request"])),
    ]


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds")


def _text(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def _most_first(item: tuple[tuple[str, str], int]) -> tuple[str, int, str]:
    (api, code), number = item
    return api, -number, code


def _meaning(code: str) -> str:
    return ANSWER_NAMES.get(int(code), "") if code.isdecimal() else ""


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("awbridge", "templates/reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("failures.html.j2")
