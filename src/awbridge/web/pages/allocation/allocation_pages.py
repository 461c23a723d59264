"""The pages of allocation rules: the rules in force, which one takes an order, and their editor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.clickpost.orders.parcel import parcel_of
from awbridge.domain.couriers.allocation import AllocationParcel, Rule, WrongRule, read_rules
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.couriers.rule_changes import RuleChange, rule_changes, rules_mark
from awbridge.domain.errors import NotFound, NotPossible, NotValid
from awbridge.domain.orders.shipment import Region
from awbridge.steps.couriers import couriers as courier_steps
from awbridge.steps.couriers.explain_rules import explain_rules
from awbridge.steps.records.known_shipment import known_shipment
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.couriers import couriers, rules
from awbridge.web.pages.allocation.rule_form import (
    CHOICES,
    MOST_RULES,
    Draft,
    draft_of,
    filled,
    numbers_of_filled,
    pressed,
    read_draft,
    read_press,
)
from awbridge.web.pages.allocation.rule_texts import CHANGES, CONDITIONS, conditions_of
from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import gettext, gettext_noop
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates

LONGEST_PINCODE = 20  # characters
_TYPED = ("drop_pincode", "pickup_pincode", "order_type", "delivery_type", "region", "weight", "value")
MODES = {
    Allocation.OFF: gettext_noop("Orders must name their transporter: AWBRIDGE_ALLOCATION is off."),
    Allocation.RULES: gettext_noop("The first rule that fits takes an order that names no transporter."),
    Allocation.RECOMMENDATION: gettext_noop("ClickPost recommends the courier: these rules are not used."),
    Allocation.RULES_THEN_RECOMMENDATION: gettext_noop(
        "The first rule that fits takes an order that names no transporter. If none fits, ClickPost recommends one."
    ),
}


class AllocationPages:
    """The pages, on one store. `allocation`: what chooses a courier in this installation."""

    def __init__(self, store: Store, clock: Clock, templates: PageTemplates, allocation: Allocation) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._allocation = allocation

    def routes(self) -> list[PageRoute]:
        """The routes of the pages."""
        choices = {name: ("", *values) for name, values in CHOICES.items()}
        parameters = {**dict.fromkeys((*_TYPED, "reference", "saved"), ANY_VALUE), **choices}
        return [
            PageRoute("/allocation", self.show, parameters=parameters),
            PageRoute("/allocation/edit", self.edit),
            PageRoute("/allocation/edit", self.submit, method="POST"),
        ]

    async def show(self, request: Request) -> Response:
        """The rules in force; for an order, what each of them means."""
        query, problem, parcel = request.query_params, "", None
        try:
            parcel = await self._parcel(query)
        except (ValueError, NotFound) as error:
            problem = str(error)
        async with self._store.read() as session:
            found = await rules.every(session)
            verdicts = await explain_rules(session, parcel) if parcel else []
            unusable = {a.transporter for a in await couriers.every(session) if not a.active}
        return self._templates.page(
            "allocation/rules",
            status=422 if problem else 200,
            rules=[(rule, conditions_of(rule)) for rule in found],
            verdicts={verdict.rule.name: verdict for verdict in verdicts},
            parcel=parcel,
            taker=next((v.rule for v in verdicts if v.takes_it), None),
            unusable=unusable,
            mode=MODES[self._allocation],
            recommends=self._allocation.by_recommendation,
            typed=query,
            problem=problem,
            choices=CHOICES,
            conditions=CONDITIONS,
            saved=query.get("saved", "") if query.get("saved", "").isdecimal() else "",
        )

    async def _parcel(self, query: QueryParams) -> AllocationParcel | None:
        """The order to check: a shipment's, or typed; None without either. Raises ValueError, NotFound."""
        if reference := query.get("reference", "").replace("\x00", "").strip():
            async with self._store.read() as session:
                shipment = await known_shipment(session, reference)
            return parcel_of(shipment.payload, shipment.region)
        return _typed(query) if any(query.get(name) for name in ("drop_pincode", "weight", "value")) else None

    async def edit(self, _request: Request) -> Response:
        """The editor, with the rules in force."""
        async with self._store.read() as session:
            found = await rules.every(session)
        return await self._editor(draft_of(found), rules_mark(found))

    async def submit(self, request: Request) -> Response:
        """Change the draft, check it, or save it as a whole."""
        form = await read_form(request)
        values = dict(form)
        draft, press, mark = read_draft(form), read_press(values.get("do", "")), values.get("mark", "")
        if len(draft) > MOST_RULES:
            text = gettext("This form holds at most %s rules. Import more as a file.") % MOST_RULES
            return await self._editor(draft, mark, refused=text, status=422)
        if press.action not in ("check", "save"):
            return await self._editor(pressed(draft, press), mark)
        rows = filled(draft)
        if press.action == "check":
            return await self._editor(draft, mark, checked=rows)
        try:
            saved = await courier_steps.put_rules(store=self._store, clock=self._clock, rows=rows, instead_of=mark)
        except NotValid:
            return await self._editor(draft, mark, checked=rows, status=422)
        except NotPossible:
            return await self._conflict(draft)
        return RedirectResponse(f"/allocation?saved={len(saved)}", 303, headers=HEADERS)

    async def _conflict(self, draft: Draft) -> Response:
        """The draft against the rules that somebody else saved meanwhile."""
        async with self._store.read() as session:
            mark = rules_mark(await rules.every(session))
        text = gettext("Somebody changed the rules meanwhile. These are the differences to them now: check, then save.")
        return await self._editor(draft, mark, checked=filled(draft), conflict=text, status=409)

    async def _editor(
        self,
        draft: Draft,
        mark: str,
        *,
        checked: Sequence[Mapping[str, str]] | None = None,
        conflict: str = "",
        refused: str = "",
        status: int = 200,
    ) -> Response:
        async with self._store.read() as session:
            found = await rules.every(session)
            transporters = [a.transporter for a in await couriers.every(session)]
        problem, problems, changes = refused, dict[str, str](), list[RuleChange]()
        if checked is not None:
            try:
                changes = rule_changes(found, read_rules(checked, transporters))
            except WrongRule as error:
                number = numbers_of_filled(draft)[error.place - 1]
                problem = gettext("Rule %s is not valid yet.") % (number + 1)
                problems = {f"{error.field}-{number}": error.problem}
        return self._templates.page(
            "allocation/editor",
            status=422 if problem and status == 200 else status,
            draft=draft,
            mark=mark,
            transporters=transporters,
            choices=CHOICES,
            checked=checked is not None and not problem,
            changes=changes,
            change_names=CHANGES,
            conditions_of=_conditions,
            problem=problem,
            problems=problems,
            conflict=conflict,
        )


def _conditions(rule: Rule | None) -> str:
    return "; ".join(conditions_of(rule)) or gettext("every order") if rule else ""


def _typed(query: QueryParams) -> AllocationParcel:
    """The parcel of the form. Raises ValueError that names the field."""
    return AllocationParcel(
        drop_pincode=_pincode(query, "drop_pincode"),
        pickup_pincode=_pincode(query, "pickup_pincode"),
        order_type=query.get("order_type") or "PREPAID",
        delivery_type=query.get("delivery_type") or "FORWARD",
        region=Region(query.get("region") or Region.INDIA),
        weight=_number(query, "weight"),
        value=_number(query, "value"),
    )


def _pincode(query: QueryParams, name: str) -> str:
    text = query.get(name, "").strip()
    if len(text) > LONGEST_PINCODE:
        raise ValueError(gettext("A pincode has at most %s characters.") % LONGEST_PINCODE)
    return text


def _number(query: QueryParams, name: str) -> Decimal:
    try:
        number = Decimal(query.get(name, "").strip() or "0")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        raise ValueError(gettext("%(name)s must be a number of 0 or more") % {"name": gettext(CONDITIONS[name])})
    return number
