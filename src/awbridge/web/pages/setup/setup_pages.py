"""The set-up page: every step of the first run, with what is set, a button that tries it, and what to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.clickpost.wire.masking import MASK
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.errors import AwbridgeError
from awbridge.steps.couriers.sync_couriers import CourierComparison, sync_couriers
from awbridge.steps.orders import intake
from awbridge.steps.polling.register_webhook import register_webhook, why_no_address
from awbridge.steps.polling.try_webhook import try_webhook
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.web.accounts.sites import endpoint_path, other_endpoint
from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import gettext, gettext_noop, ngettext
from awbridge.web.pages.orders.shipment_url import shipment_url
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.pages.setup.first_order_form import (
    FIELDS,
    LONGEST_VALUE,
    SECTIONS,
    order_of,
    problems_by_field,
    problems_of,
    start_values,
    too_long,
)
from awbridge.web.pages.setup.progress import SetupProgress, progress
from awbridge.web.pages.setup.tools import SetupCalls, SetupFinding, SetupStep, SetupTools
from awbridge.web.pages.visit import current_visit
from awbridge.web.pages.wording import sentence

LONGEST_URL = 1000  # characters
WEBHOOK_WAIT = 20.0  # seconds that the page waits for the test delivery
_TITLES = {
    SetupStep.KEY: gettext_noop("ClickPost account"),
    SetupStep.COURIERS: gettext_noop("Couriers"),
    SetupStep.WEBHOOK: gettext_noop("Webhook"),
    SetupStep.ARCHIVE: gettext_noop("Archive"),
    SetupStep.MAIL: gettext_noop("Mail and alarms"),
    SetupStep.CUSTOMER_PAGE: gettext_noop("Customer's page"),
    SetupStep.ORDER: gettext_noop("First order"),
}
_LEADS = {
    SetupStep.KEY: gettext_noop(
        "The username and API key of your ClickPost profile. The check calls ClickPost with them."
    ),
    SetupStep.COURIERS: gettext_noop("Your transporters and the courier accounts at ClickPost that carry them."),
    SetupStep.WEBHOOK: gettext_noop(
        "ClickPost sends tracking to this address. It must be reachable from outside, over https."
    ),
    SetupStep.ARCHIVE: gettext_noop(
        "Where failed calls are kept as evidence. The check writes, reads and deletes a file."
    ),
    SetupStep.MAIL: gettext_noop("Who receives alarms and the daily digest. The test really sends a message."),
    SetupStep.CUSTOMER_PAGE: gettext_noop(
        "Where customers see where their parcel is, by the link in your messages. The key is any long random text."
    ),
    SetupStep.ORDER: gettext_noop(
        "One small order shows that everything works. The courier books it: cancel it afterwards."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What a button of a step did. `typed`: the values of its form; `problems`: what is wrong with them, by field."""

    step: SetupStep | None = None
    findings: Sequence[SetupFinding] = ()
    comparison: CourierComparison | None = None
    ready: bool = False
    typed: Mapping[str, str] = field(default_factory=dict[str, str])
    problems: Mapping[str, str] = field(default_factory=dict[str, str])


class SetupPages:
    """The set-up page, on one store and installation. `webhook_wait`: seconds to wait for a test delivery."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        templates: PageTemplates,
        tools: SetupTools,
        zone: ZoneInfo,
        *,
        allocation: Allocation = Allocation.RULES,
        webhook_wait: float = WEBHOOK_WAIT,
    ) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._tools = tools
        self._zone = zone
        self._allocation = allocation
        self._webhook_wait = webhook_wait

    def routes(self) -> list[PageRoute]:
        """The routes of the page."""
        actions = {
            "check": self.check,
            "test-message": self.send_test_message,
            "couriers": self.compare_couriers,
            "webhook": self.register,
            "order": self.place_order,
        }
        shown = [PageRoute("/setup", self.show)]
        return shown + [PageRoute(f"/setup/{name}", action, method="POST") for name, action in actions.items()]

    async def show(self, _request: Request) -> Response:
        """Every step."""
        return await self._shown(_Result())

    async def check(self, request: Request) -> Response:
        """Try one step."""
        try:
            step = SetupStep(dict(await read_form(request)).get("step", ""))
        except ValueError:
            raise HTTPException(422, "Choose a step of this page.") from None
        return await self._shown(await self._tried(step, lambda: self._tools.check(step)))

    async def send_test_message(self, _request: Request) -> Response:
        """Send a test message to the operators."""
        return await self._shown(await self._tried(SetupStep.MAIL, self._tools.send_test_message))

    async def compare_couriers(self, request: Request) -> Response:
        """Compare the mapping with ClickPost's accounts; with `apply`, take them over."""
        apply = dict(await read_form(request)).get("apply") == "yes"
        compared: list[CourierComparison] = []

        async def compare() -> Sequence[SetupFinding]:
            compared.append(
                await sync_couriers(store=self._store, clickpost=self._client(), clock=self._clock, apply=apply)
            )
            return _compared(compared[0], applied=apply)

        result = await self._tried(SetupStep.COURIERS, compare)
        comparison = compared[0] if compared and not apply else None
        return await self._shown(_Result(step=result.step, findings=result.findings, comparison=comparison))

    async def register(self, request: Request) -> Response:
        """Register the webhook if that is requested, then have ClickPost send a test and wait for it."""
        values = dict(await read_form(request))
        url, problems = values.get("url", "").strip(), dict[str, str]()
        if len(url) > LONGEST_URL:
            problems["url"] = gettext("At most %s characters, please.") % LONGEST_URL
        elif wrong := other_endpoint(url, current_visit().account) or why_no_address(url):
            problems["url"] = sentence(wrong)
        if problems:
            return await self._shown(_Result(step=SetupStep.WEBHOOK, typed={"url": url}, problems=problems))

        async def register_and_test() -> Sequence[SetupFinding]:
            client, found = self._client(), list[SetupFinding]()
            if values.get("action") == "register":
                done = await register_webhook(store=self._store, clickpost=client, clock=self._clock, url=url)
                text = gettext("Registered: %(url)s") % {"url": done.url}
                found.append(SetupFinding(level="ok", found=text))
            return [*found, await self._test_webhook(client, url)]

        result = await self._tried(SetupStep.WEBHOOK, register_and_test)
        return await self._shown(_Result(step=result.step, findings=result.findings, typed={"url": url}))

    async def _test_webhook(self, client: SetupCalls, url: str) -> SetupFinding:
        trial = await try_webhook(
            store=self._store, clickpost=client, clock=self._clock, url=url, timeout=self._webhook_wait
        )
        if trial.arrived:
            return SetupFinding(level="ok", found=trial.verdict)
        do = gettext("Check the address and its proxies, then try again. The button Check names what a proxy drops.")
        return SetupFinding(level="problem", found=trial.verdict, do=do)

    async def place_order(self, request: Request) -> Response:
        """Check the first order, or place it."""
        values = dict(await read_form(request))
        typed = {name: values.get(name, "").strip() for name in FIELDS}
        order = order_of(typed, self._clock().astimezone(self._zone).date())
        problems = too_long(typed)
        if not problems:
            async with self._store.read() as session:
                problems = await problems_of(session, order, self._allocation)
        if values.get("action") == "place" and not problems:
            try:
                results = await intake.take_in(
                    store=self._store, clock=self._clock, orders=[order], allocation=self._allocation
                )
            except intake.BatchRefused as refused:
                problems = problems_by_field(refused.errors[0])
            else:
                reference = results[0].shipment.reference_number
                return RedirectResponse(shipment_url(reference), 303, headers=HEADERS)
        ready = not problems
        found = [SetupFinding(level="problem", found=problems[""])] if "" in problems else []
        if ready:
            found = [SetupFinding(level="ok", found=gettext("The order is valid. Nothing was sent yet."))]
        result = _Result(step=SetupStep.ORDER, findings=found, ready=ready, typed=typed, problems=problems)
        return await self._shown(result)

    def _client(self) -> SetupCalls:
        if self._tools.clickpost is None:
            raise AwbridgeError(self._tools.vendor_problem)
        return self._tools.clickpost

    async def _tried(self, step: SetupStep, action: Callable[[], Awaitable[Sequence[SetupFinding]]]) -> _Result:
        try:
            return _Result(step=step, findings=await action())
        except AwbridgeError as error:
            return _Result(step=step, findings=[SetupFinding(level="problem", found=str(error))])

    async def _shown(self, result: _Result) -> Response:
        now = await progress(self._store, self._tools)
        order = start_values(now.transporters, self._clock())
        if result.step is SetupStep.ORDER:
            order |= result.typed
        return self._templates.page(
            "setup/setup",
            status=422 if result.problems else 200,
            steps=list(SetupStep),
            titles=_TITLES,
            leads=_LEADS,
            progress=now,
            problems=result.problems,
            longest_url=LONGEST_URL,
            longest=LONGEST_VALUE,
            settings={step: self._tools.settings(step) for step in SetupStep},
            vendor_problem=self._tools.vendor_problem,
            result=result,
            url=result.typed.get("url") or _known_url(now),
            path=endpoint_path(current_visit().account),
            sections=SECTIONS,
            order=order,
            first_order_url=shipment_url(now.first_order.reference_number) if now.first_order else "",
        )


def _known_url(now: SetupProgress) -> str:
    """The registered address; "" for one with a key in it, which is stored masked."""
    return next((url for url in now.webhook_urls[:1] if MASK not in url), "")


def _compared(comparison: CourierComparison, *, applied: bool) -> list[SetupFinding]:
    """The comparison as findings."""
    written = sum(change.written for change in comparison.changes)
    if applied:
        text = ngettext("%(num)s change was written.", "%(num)s changes were written.", written) % {"num": written}
        found = [SetupFinding(level="ok", found=text)]
    elif not comparison.changes:
        found = [SetupFinding(level="ok", found=gettext("The mapping holds every account of ClickPost."))]
    else:
        number = len(comparison.changes)
        text = ngettext("%(num)s difference to ClickPost.", "%(num)s differences to ClickPost.", number)
        found = [SetupFinding(level="warning", found=text % {"num": number})]
    if comparison.unread:
        text = gettext("%(num)s of ClickPost's accounts could not be read.") % {"num": comparison.unread}
        found.append(SetupFinding(level="warning", found=text))
    return found + [SetupFinding(level="warning", found=w.warning) for w in comparison.warnings]
