"""The page of downtimes: declare and end them, see a week, and end the incident of an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.couriers.downtime import DAYS, Downtime, declare
from awbridge.domain.errors import NotFound, NotPossible
from awbridge.domain.moments import read_clock, read_day, read_local
from awbridge.domain.orders.shipment import account_key
from awbridge.steps.couriers import downtimes as downtime_steps
from awbridge.steps.orders.shipment_columns import courier_name
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import samples
from awbridge.store.couriers import accounts, couriers, downtimes
from awbridge.store.couriers.accounts import Account, Held
from awbridge.store.engine.database import Session
from awbridge.web.pages.downtimes.calendar import monday_of, name_of, week_of
from awbridge.web.pages.form import WrongField, read_form
from awbridge.web.pages.language import gettext, gettext_noop
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.requested import parse_id

LONGEST_REASON = 500  # characters
_WEEK = timedelta(days=7)
DAY_NAMES = {
    "mon": gettext_noop("Mon"),
    "tue": gettext_noop("Tue"),
    "wed": gettext_noop("Wed"),
    "thu": gettext_noop("Thu"),
    "fri": gettext_noop("Fri"),
    "sat": gettext_noop("Sat"),
    "sun": gettext_noop("Sun"),
}
_EMPTY_FORM: Mapping[str, Any] = {
    "when": "once",
    "days": (),
    **dict.fromkeys(("courier", "reason", "from", "to", "start", "end"), ""),
}
_RESULTS = ("declared", "ended", "reset")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNow:
    """A courier account: what holds it, whether its shipments go out slowly, and how many wait."""

    account: Account
    held: Held | None
    waiting: int

    @property
    def name(self) -> str:
        """The courier and the account code."""
        return courier_name(self.account.courier_partner_id, self.account.account_code)


class DowntimePages:
    """The page of downtimes, on one store. Times are in `zone`."""

    def __init__(self, store: Store, clock: Clock, templates: PageTemplates, zone: ZoneInfo) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._zone = zone

    def routes(self) -> list[PageRoute]:
        """The routes of the page."""
        return [
            PageRoute("/downtimes", self.show, parameters={"week": ANY_VALUE, "result": _RESULTS}),
            PageRoute("/downtimes/declare", self.declare, method="POST"),
            PageRoute("/downtimes/end", self.end, method="POST"),
            PageRoute("/downtimes/reset", self.reset, method="POST"),
        ]

    async def show(self, request: Request) -> Response:
        """A week of downtimes, those declared, and the accounts that are held."""
        try:
            week = monday_of(read_day(request.query_params["week"])) if "week" in request.query_params else None
            return await self._shown(week, result=request.query_params.get("result", ""))
        except (ValueError, OverflowError):
            raise NotFound("There is no such week.") from None

    async def _shown(
        self,
        week: date | None = None,
        *,
        result: str = "",
        problem: str = "",
        problems: Mapping[str, str] | None = None,
        typed: Mapping[str, Any] | None = None,
        status: int = 200,
    ) -> Response:
        now = self._clock()
        today = now.astimezone(self._zone).date()
        monday = week or monday_of(today)
        async with self._store.read() as session:
            declared = await downtimes.open_ones(session, now=now)
            state = await self._accounts(session)
            choices = await _choices(session, state)
        return self._templates.page(
            "downtimes/downtimes",
            status=status,
            week=week_of(declared, monday, self._zone),
            days=[monday + timedelta(days=n) for n in range(7)],
            day_names=[DAY_NAMES[day] for day in DAYS],
            today=today,
            before=monday - _WEEK,
            after=monday + _WEEK,
            this_week=monday_of(today),
            declared=[(d, name_of(d), d.until(now)) for d in declared],
            accounts=state,
            choices=choices,
            every_day=DAY_NAMES,
            result=result,
            problem=problem,
            problems=problems or {},
            typed={**_EMPTY_FORM, **(typed or {})},
            longest=LONGEST_REASON,
        )

    async def _accounts(self, session: Session) -> list[AccountNow]:
        """Every account, held ones first. A large backlog is counted in the background."""
        every = await accounts.every(session)
        held = await accounts.held(session, now=self._clock())
        sample = await samples.large(session, now=self._clock())
        counted = {} if sample else accounts.held_numbers(await accounts.count_unplaced(session, list(held)))
        numbers = sample.figures.waiting if sample else counted
        rows = [
            AccountNow(account=a, held=held.get(a.state.account), waiting=numbers.get(a.state.account, 0))
            for a in every
        ]
        return sorted(rows, key=lambda row: (row.held is None, row.name))

    async def declare(self, request: Request) -> Response:
        """Declare a downtime, once or every week."""
        fields = await read_form(request)
        values: dict[str, Any] = {**dict(fields), "days": [value for name, value in fields if name == "day"]}
        try:
            declared = _declared(values, self._zone)
        except WrongField as error:
            return await self._shown(problems={error.field: str(error)}, typed=values, status=422)
        await downtime_steps.add_downtime(store=self._store, clock=self._clock, declared=declared)
        return RedirectResponse("/downtimes?result=declared", 303, headers=HEADERS)

    async def end(self, request: Request) -> Response:
        """End a downtime now; one that has not begun, or recurs, is taken back."""
        number = parse_id(dict(await read_form(request)).get("downtime", ""))
        await downtime_steps.remove_downtime(store=self._store, number=number)
        return RedirectResponse("/downtimes?result=ended", 303, headers=HEADERS)

    async def reset(self, request: Request) -> Response:
        """End the incident of an account."""
        courier, code = _account(dict(await read_form(request)).get("account", ""))
        try:
            await downtime_steps.reset_account(
                store=self._store, clock=self._clock, courier_partner_id=courier, account_code=code or None
            )
        except NotPossible as error:
            return await self._shown(problem=str(error), status=409)
        return RedirectResponse("/downtimes?result=reset", 303, headers=HEADERS)


async def _choices(session: Session, state: list[AccountNow]) -> dict[str, str]:
    """What a downtime can be declared for: couriers, then their accounts; the value of a form and its name."""
    known = {(row.account.courier_partner_id, row.account.account_code) for row in state}
    known |= {(account.courier_partner_id, account.account_code) for account in await couriers.every(session)}
    whole = {str(courier): courier_name(courier, None) for courier in sorted({courier for courier, _ in known})}
    single = {account_key(courier, code): courier_name(courier, code) for courier, code in known if code}
    return whole | dict(sorted(single.items(), key=lambda item: item[1]))


def _account(text: str) -> tuple[int, str | None]:
    """A courier partner id and an account code, of "4" or "4:main". Raises WrongField."""
    number, colon, code = text.partition(":")
    if not number.isascii() or not number.isdecimal() or not 0 < int(number[:11]) < 2**31 or "\x00" in code:
        raise WrongField("courier", gettext("Choose a courier."))
    return int(number), code[:200] if colon else None


def _declared(values: Mapping[str, Any], zone: ZoneInfo) -> Downtime:
    """The downtime of a form. Raises WrongField."""
    courier, code = _account(values.get("courier", ""))
    reason = str(values.get("reason", "")).strip()
    if len(reason) > LONGEST_REASON:
        raise WrongField("reason", gettext("At most %s characters, please.") % LONGEST_REASON)
    if values.get("when") not in ("once", "weekly"):
        raise WrongField("when", gettext("Choose once or every week."))
    times = _once(values, zone) if values["when"] == "once" else _weekly(values)
    return declare(courier_partner_id=courier, account_code=code, zone=zone.key, reason=reason, **times)


def _once(values: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """The times of a downtime that happens once, aware."""
    found: list[datetime] = []
    for name in ("from", "to"):
        try:
            moment = read_local(values.get(name, ""))
            found.append((moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC))
        except (ValueError, OverflowError):
            raise WrongField(name, gettext("Choose a day and a time.")) from None
    begins, ends = found
    if begins >= ends:
        raise WrongField("to", gettext("It must end after it begins."))
    return {"from_at": begins, "to_at": ends}


def _weekly(values: Mapping[str, Any]) -> dict[str, Any]:
    """The days and times of a downtime of every week."""
    if not set(values["days"]) <= set(DAYS):
        raise WrongField("day", gettext("Choose the days."))
    found: dict[str, time] = {}
    for name in ("start", "end"):
        try:
            found[name] = read_clock(values.get(name, ""))
        except ValueError:
            raise WrongField(name, gettext("Choose a time.")) from None
    return {"days": values["days"], "starts": found["start"], "ends": found["end"]}
