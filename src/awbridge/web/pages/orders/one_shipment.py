"""What can be done with one shipment besides the bulk actions: replace it, revoke its link, download its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.errors import FieldProblem, NotPossible, PayloadRefused, ReferenceTaken
from awbridge.domain.privacy import Privacy
from awbridge.steps.audit.evidence import evidence_of
from awbridge.steps.customer_page.revoke_link import revoke_link
from awbridge.steps.orders import amend
from awbridge.steps.orders.amend import Edit
from awbridge.steps.orders.shipment_columns import courier_name
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.web.contexts import Audience
from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import gettext
from awbridge.web.pages.orders.shipment_url import shipment_url
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.requested import find_shipment, no_nul
from awbridge.web.zip_response import zip_response


class OneShipmentPages:
    """Replacing a shipment, its link and its evidence, on one store.

    `privacy`: how evidence treats personal data, by reader.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        templates: PageTemplates,
        allocation: Allocation,
        privacy: Mapping[Audience, Privacy],
    ) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._allocation = allocation
        self._privacy = privacy

    def routes(self) -> list[PageRoute]:
        """The routes. They come before that of a shipment's page, whose path matches any other below it."""
        of_one = {"reference": ANY_VALUE}
        return [
            PageRoute("/shipments/replace", self.show_replace, parameters=of_one),
            PageRoute("/shipments/replace", self.replace, method="POST"),
            PageRoute("/shipments/revoke-link", self.revoke_link, method="POST"),
            PageRoute("/shipments/evidence", self.evidence, parameters={**of_one, "for": ("own", "clickpost")}),
        ]

    async def evidence(self, request: Request) -> Response:
        """The zip of one shipment: payload, calls, timeline."""
        reference = no_nul(request.query_params.get("reference", ""))
        reader: Audience = "clickpost" if request.query_params.get("for") == "clickpost" else "own"
        content = await evidence_of(
            store=self._store, clock=self._clock, reference_number=reference, privacy=self._privacy[reader]
        )
        return zip_response(content, f"evidence-{reference}")

    async def revoke_link(self, request: Request) -> Response:
        """Give the shipment a new link to the customer's page, and show it."""
        reference = no_nul(dict(await read_form(request)).get("reference", ""))
        renewed = await revoke_link(store=self._store, clock=self._clock, reference_number=reference)
        return RedirectResponse(f"{shipment_url(renewed.reference_number)}#customer-link", 303, headers=HEADERS)

    async def show_replace(self, request: Request) -> Response:
        """What replacing the shipment would do."""
        return await self._shown(request.query_params.get("reference", ""))

    async def _shown(
        self, reference: str, *, typed: Mapping[str, str] | None = None, problems: Sequence[FieldProblem] = ()
    ) -> Response:
        shipment = await find_shipment(self._store, reference)
        obstacle = amend.why_not_replaceable(shipment)
        async with self._store.read() as session:
            transporters = [account for account in await couriers.every(session) if account.active]
        return self._templates.page(
            "replace",
            status=422 if problems else 200,
            shipment=shipment,
            url=shipment_url(shipment.reference_number),
            courier=courier_name(shipment.courier_partner_id, shipment.account_code),
            obstacle=obstacle,
            transporters=transporters,
            typed=typed or {},
            problems=problems,
        )

    async def replace(self, request: Request) -> Response:
        """Send the order again under a new reference number, and cancel the old one."""
        typed = dict(await read_form(request))
        reference = typed.get("old", "")
        if not reference:
            raise HTTPException(422, gettext("Choose a shipment."))
        transporter, successor = typed.get("transporter", "").strip(), typed.get("successor", "").strip()
        try:
            result = await amend.replace(
                store=self._store,
                clock=self._clock,
                reference_number=no_nul(reference),
                edit=Edit(fields={"transporter": transporter} if transporter else {}),
                successor=successor or None,
                after_cancel=typed.get("after_cancel") == "true",
                allocation=self._allocation,
            )
        except PayloadRefused as refused:
            return await self._shown(reference, typed=typed, problems=refused.problems)
        except (NotPossible, ReferenceTaken) as problem:
            return await self._shown(reference, typed=typed, problems=[FieldProblem("", str(problem))])
        return RedirectResponse(shipment_url(result.shipment.reference_number), 303, headers=HEADERS)
