"""The pages of hand-over manifests: a preview, what was made, and every manifest for printing it again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from awbridge.domain.errors import NotPossible
from awbridge.domain.orders.bulk import MOST_AT_ONCE
from awbridge.domain.people.actor import named_actor
from awbridge.steps.handover import manifests as step
from awbridge.steps.handover.manifests import MadeManifest
from awbridge.steps.orders.shipment_columns import courier_name
from awbridge.store.handover import manifests, parcels
from awbridge.store.orders import shipments
from awbridge.web.pages.form import WrongField, read_form
from awbridge.web.pages.handover.labels import BY, LabelForm, LabelPages, WaitingParcel, first_moment
from awbridge.web.pages.language import gettext
from awbridge.web.pages.orders.list_query import PAGE_SIZE
from awbridge.web.pages.orders.shipment_url import shipment_url
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pdf_response import pdf_response
from awbridge.web.requested import parse_id


class ManifestPages(LabelPages):
    """The pages of manifests, on one store."""

    def routes(self) -> list[PageRoute]:
        """The routes of these pages."""
        return [
            PageRoute("/labels/manifest/preview", self.preview_manifest, method="POST"),
            PageRoute("/labels/manifest", self.make_manifest, method="POST"),
            PageRoute("/labels/manifests", self.list_manifests, parameters={"before": ANY_VALUE}),
            PageRoute("/labels/manifests/{number}", self.show_manifest),
            PageRoute("/labels/manifests/{number}/pdf", self.download_manifest),
        ]

    async def preview_manifest(self, request: Request) -> Response:
        """The parcels that would be on the manifests: one for each courier account."""
        fields = await read_form(request)
        try:
            form = self.read_choice(fields)
        except WrongField as error:
            return await self.choice_again(fields, error)
        return self._previewed(await self._waiting(form))

    def _previewed(self, groups: list[tuple[str, list[WaitingParcel]]], problem: str = "") -> Response:
        status = 422 if problem else 200
        return self._templates.page("handover/manifest_preview", status=status, groups=groups, problem=problem)

    async def _waiting(self, form: LabelForm) -> list[tuple[str, list[WaitingParcel]]]:
        """The parcels by courier account. Printed ones are chosen; where none was printed here, all are."""
        found: dict[str, list[WaitingParcel]] = defaultdict(list)
        async with self._store.read() as session:
            waiting = await shipments.get_many(session, form.references)
            for account in form.accounts:
                start = first_moment(form.since, self._zone)
                waiting += await parcels.of_account(
                    session, account, since=start, to_hand_over=True, limit=MOST_AT_ONCE
                )
            states = await parcels.states_of(session, [s.reference_number for s in waiting])
        for shipment in waiting:
            state = states[shipment.reference_number]
            if not step.why_not_on_manifest(shipment, state, shipment.account):
                found[shipment.account].append(WaitingParcel(shipment=shipment, state=state))
        return [(rows[0].courier, rows) for _, rows in sorted(found.items())]

    async def make_manifest(self, request: Request) -> Response:
        """Make a manifest for each courier account of the chosen parcels."""
        fields = await read_form(request)
        form = self.read_choice(fields)
        if not form.references:
            listed = self.read_choice([("reference", value) for name, value in fields if name == "listed"])
            return self._previewed(await self._waiting(listed), gettext("Choose at least one shipment."))
        async with self._store.read() as session:
            found = {s.reference_number: s for s in await shipments.get_many(session, form.references)}
        by_account: dict[str, list[str]] = defaultdict(list)
        for reference in form.references:
            by_account[found[reference].account if reference in found else ""].append(reference)
        made: list[MadeManifest] = []
        left_out: list[tuple[str, str]] = []
        for account, references in by_account.items():
            try:
                one = await step.make_manifest(
                    store=self._store, clock=self._clock, account=account, references=references, by=named_actor(BY)
                )
            except NotPossible as problem:
                left_out += [(reference, str(problem)) for reference in references]
                continue
            made.append(one)
            left_out += one.left_out
        return self._templates.page(
            "handover/manifests_made",
            made=[
                (one.manifest, courier_name(one.manifest.courier_partner_id, one.manifest.account_code)) for one in made
            ],
            left_out=_linked(left_out),
        )

    async def list_manifests(self, request: Request) -> Response:
        """Manifests, newest first."""
        before = request.query_params.get("before")
        async with self._store.read() as session:
            found = await manifests.newest(session, before=parse_id(before) if before else None, limit=PAGE_SIZE + 1)
        following = f"/labels/manifests?before={found[PAGE_SIZE - 1].number}" if len(found) > PAGE_SIZE else ""
        rows = [(one, courier_name(one.courier_partner_id, one.account_code)) for one in found[:PAGE_SIZE]]
        return self._templates.page("handover/manifests", rows=rows, following=following)

    async def show_manifest(self, request: Request) -> Response:
        """One manifest with its parcels."""
        number = parse_id(request.path_params["number"])
        manifest, listed = await step.show_manifest(store=self._store, number=number)
        return self._templates.page(
            "handover/manifest",
            manifest=manifest,
            courier=courier_name(manifest.courier_partner_id, manifest.account_code),
            rows=[(one.line, one.shipment, shipment_url(one.line.reference_number)) for one in listed],
        )

    async def download_manifest(self, request: Request) -> Response:
        """The PDF of a manifest."""
        number = parse_id(request.path_params["number"])
        content = await step.print_manifest(
            store=self._store, documents=self._documents, zone=self._zone, number=number
        )
        return pdf_response(content, f"manifest-{number}")


def _linked(left_out: Sequence[tuple[str, str]]) -> list[tuple[str, str, str]]:
    return [(reference, shipment_url(reference), why) for reference, why in left_out]
