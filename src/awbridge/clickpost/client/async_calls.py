"""The calls of AsyncClickPost outside orders, tracking and webhooks.

Every call raises VendorError if ClickPost or the network fails it: `again` says whether the same call may succeed
later, `retry_after` (seconds) when. Bodies are models of `models/` or plain JSON; one that cannot be written as JSON
raises ValueError. Every answer carries the parsed body as `raw`. Source: ClickPost's API reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, tzinfo

import httpx2

from awbridge.clickpost.client.connection import ClientBase
from awbridge.clickpost.client.exchange import file_of, reply_or_missing, successful_reply
from awbridge.clickpost.lookups import access, pincodes, predictions, recommendations, records
from awbridge.clickpost.models.base import RequestModel
from awbridge.clickpost.orders import bookings, labels
from awbridge.clickpost.reports import reports
from awbridge.clickpost.tracking import ndr
from awbridge.clickpost.wire.fields import Acknowledged, parse_done
from awbridge.domain.errors import VendorError
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Region


class AsyncCalls(ClientBase[httpx2.AsyncBaseTransport]):
    """The calls of AsyncClickPost outside orders, tracking and webhooks."""

    async def fetch_label(self, waybill: str, cp_id: int, regenerate: bool = False) -> labels.Label:
        """The URL of a waybill's label. `regenerate`: request a new one from the courier. Raises VendorError."""
        request = labels.label_request(self._endpoints, waybill, cp_id, regenerate)
        return labels.parse_label(await self._succeed(request))

    async def fetch_security_key(self, waybill: str, cp_id: int) -> labels.SecurityKey:
        """The key that opens a protected tracking page. Raises VendorError."""
        request = labels.security_key_request(self._endpoints, waybill, cp_id)
        return labels.parse_security_key(await self._succeed(request))

    async def edit_order(self, waybill: str, cp_id: int, changes: RequestModel | JsonObject) -> Acknowledged:
        """Change an order that the courier has, such as `{"order_type": "PREPAID"}`. Raises VendorError, ValueError."""
        return parse_done(await self._succeed(bookings.edit_order_request(self._endpoints, waybill, cp_id, changes)))

    async def create_pickup(
        self, payload: RequestModel | JsonObject, *, region: Region = Region.INDIA
    ) -> bookings.Pickup:
        """Schedule a pickup. Do not repeat it blindly: if the answer is lost, the pickup may be booked.

        `payload` is ClickPost's: flat (v1) for India, nested (v2) for the world. Raises VendorError, ValueError.
        """
        return bookings.parse_pickup(await self._succeed(bookings.pickup_request(self._endpoints, payload, region)))

    async def register_waybill(
        self, payload: RequestModel | JsonObject, *, version: int = 3
    ) -> bookings.WaybillRegistration:
        """Track a waybill that was booked elsewhere. A waybill that is already registered is not an error.

        `version` is 2 (`cp_id`) or 3 (`courier_partner`, items). Raises VendorError; ValueError for other versions.
        """
        exchange = await self._send(bookings.waybill_request(self._endpoints, payload, version))
        return bookings.parse_waybill(successful_reply(exchange, also=(bookings.ALREADY_REGISTERED,)))

    async def unregister_waybill(self, waybill: str, cp_id: int) -> Acknowledged:
        """Stop tracking a waybill, which then counts as expired. Raises VendorError."""
        return parse_done(await self._succeed(bookings.unregister_request(self._endpoints, waybill, cp_id)))

    async def update_ndr(
        self,
        action: ndr.NdrAction | str,
        waybill: str,
        cp_id: int,
        account_code: str,
        *,
        address: str = "",
        landmark: str = "",
        drop_pincode: str = "",
        phone_number: str = "",
        preferred_date: date | None = None,
    ) -> Acknowledged:
        """Instruct the courier after a failed delivery: reattempt or return to origin. Raises VendorError."""
        request = ndr.update_ndr_request(
            self._endpoints,
            action,
            waybill,
            cp_id,
            account_code,
            address=address,
            landmark=landmark,
            drop_pincode=drop_pincode,
            phone_number=phone_number,
            preferred_date=preferred_date,
        )
        return parse_done(await self._succeed(request))

    async def ndr_feedback(self, start: datetime, end: datetime) -> ndr.NdrFeedbacks:
        """Customers' feedback after failed deliveries. Raises ValueError for a window over 3600 s, VendorError."""
        exchange = await self._send(ndr.feedback_request(self._endpoints, start, end))
        return ndr.parse_feedback(successful_reply(exchange, proof="result"))

    async def proof_of_delivery(self, waybill: str, cp_id: int) -> labels.ProofOfDelivery:
        """The URL of a proof of delivery. Raises VendorError, also if ClickPost has no such shipment."""
        return labels.parse_proof(await self._succeed(labels.proof_request(self._endpoints, waybill, cp_id)))

    async def fetch_shipment_count(self, start: date, end: date) -> reports.ShipmentCounts:
        """Shipments per day, both ends included. Raises ValueError if the end is before the start, VendorError."""
        return reports.parse_counts(await self._succeed(reports.count_request(self._endpoints, start, end)))

    async def request_report(
        self, start: datetime, end: datetime, *, fields: Sequence[str] = (), name: str = reports.TRACK_ORDER_REPORT
    ) -> reports.VendorReport:
        """Request a CSV of the changes in a window; no `fields` means all. The answer has a `reference`, no file.

        Raises ValueError for a window over 24 hours, VendorError.
        """
        return reports.parse_report(
            await self._succeed(reports.report_request(self._endpoints, start, end, fields, name))
        )

    async def fetch_report(self, reference: str) -> reports.VendorReport:
        """The status of a report: `ready`, `failed`, or neither yet. Raises VendorError."""
        reply = await self._succeed(reports.fetch_report_request(self._endpoints, reference))
        return reports.parse_report(reply, reference)

    async def wait_for_report(self, reference: str, *, every: float = 15.0, tries: int = 40) -> reports.VendorReport:
        """Poll a report up to `tries` times, `every` so many seconds, until it is ready.

        A transient error counts as a try. Raises VendorError: `again` is False if ClickPost failed to make the
        report, True if it is not ready yet or ClickPost asks for a pause over 5 minutes. Raises ValueError for
        invalid bounds.
        """
        if every <= 0 or tries < 1:
            raise ValueError("every must be above 0 seconds, tries at least 1")
        request = reports.fetch_report_request(self._endpoints, reference)
        while True:
            exchange = await self._send(request)
            tries -= 1
            pause = 0.0
            try:
                report = reports.parse_report(successful_reply(exchange), reference)
            except VendorError as error:
                pause = error.retry_after or 0.0
                if not error.again or not tries or pause > reports.LONGEST_PAUSE:
                    raise
            else:
                if report.ready:
                    return report
                if report.failed or not tries:
                    message = f"fetch-report: report {reference} has no file (status {report.status!r})"
                    raise VendorError(exchange.masked(message), call=exchange.call, again=not report.failed)
            await self._pause(max(every, pause))

    async def download_report(self, report: reports.VendorReport) -> bytes:
        """The CSV of a report that is ready, at most 256 MiB. The key is not sent: the file is on another host.

        Raises ValueError if it is not ready, VendorError (`again` False: the link has expired, fetch the report again).
        """
        return file_of(await self._send(reports.download_request(self._endpoints, report)))

    async def download_report_into(self, report: reports.VendorReport, write: Callable[[bytes], object]) -> None:
        """Download a report in parts: `write` gets each part as it arrives, so a large file need not fit in memory.

        Raises what download_report raises; the parts written until then are not a complete file.
        """
        file_of(await self._send(reports.download_request(self._endpoints, report, write)))

    async def audit_log(self, hour: datetime) -> records.AuditLog:
        """The actions of users in the hour that contains a moment. Raises ValueError without a zone, VendorError."""
        return records.parse_audit_log(await self._succeed(records.audit_request(self._endpoints, hour)))

    async def returns_delta(self, start: datetime, end: datetime, *, zone: tzinfo = UTC) -> records.ReturnRequests:
        """The returns that customers requested in a window of at most 60 minutes.

        ClickPost does not document the time zone of the window: it is written in `zone`. Raises ValueError for a
        longer window, VendorError.
        """
        return records.parse_returns(await self._succeed(records.returns_request(self._endpoints, start, end, zone)))

    async def recommend(self, shipments: Sequence[RequestModel | JsonObject]) -> recommendations.Recommendations:
        """The best courier accounts for parcels within India (v1). Raises ValueError for no parcel, VendorError."""
        request = recommendations.recommend_request(self._endpoints, shipments)
        exchange = await self._send(request)
        return recommendations.parse_recommendations(successful_reply(exchange), exchange.call)

    async def recommend_world(self, shipment: RequestModel | JsonObject) -> recommendations.Recommendations:
        """The best courier accounts for one parcel anywhere (v2). Raises VendorError, ValueError."""
        request = recommendations.recommend_world_request(self._endpoints, shipment)
        exchange = await self._send(request)
        return recommendations.parse_recommendations(successful_reply(exchange), exchange.call)

    async def pincode_details(self, pincode: str) -> pincodes.PincodeDetails | None:
        """City and state of an Indian pincode; None if it does not exist. Raises VendorError."""
        request = pincodes.pincode_request(self._endpoints, pincode)
        return pincodes.parse_pincode(reply_or_missing(await self._send(request), missing=404))

    async def serviceability(
        self, pickup_pincode: str, drop_pincode: str, *, optional: RequestModel | JsonObject | None = None
    ) -> pincodes.ServingAccounts:
        """The accounts that serve a route from pincode to pincode, with their days and charges.

        `optional`: size (cm), weight (g), `invoice_value` (rupees), `service_type`. Raises VendorError, ValueError.
        """
        request = pincodes.accounts_request(self._endpoints, pickup_pincode, drop_pincode, optional or {})
        return pincodes.parse_accounts(await self._succeed(request))

    async def drop_serviceability(
        self, drop_pincode: str, *, pickup_pincode: str = "", order_type: str = "", service_type: str = ""
    ) -> pincodes.DropServiceability:
        """Whether any active account delivers to a pincode, and for which payment types. Raises VendorError."""
        request = pincodes.drop_request(
            self._endpoints,
            drop_pincode,
            pickup_pincode=pickup_pincode,
            order_type=order_type,
            service_type=service_type,
        )
        return pincodes.parse_drop(await self._succeed(request))

    async def bulk_serviceability(self, cp_id: int, account_code: str) -> pincodes.Pincodes:
        """All pickup and drop pincodes of one account. Raises VendorError."""
        request = pincodes.bulk_request(self._endpoints, cp_id, account_code)
        return pincodes.parse_pincodes(await self._succeed(request))

    async def serviceable_drop_pincodes(self) -> pincodes.Pincodes:
        """All pincodes to which any account delivers. Raises VendorError."""
        return pincodes.parse_pincodes(await self._succeed(pincodes.drop_pincodes_request(self._endpoints)))

    async def search_pincode(
        self, pincode: str, *, pickup: bool = False, rvp: bool = False
    ) -> pincodes.PincodeAccounts:
        """The accounts that deliver to a pincode, or (`pickup`) pick up there; `rvp`: returns. Raises VendorError."""
        request = pincodes.search_request(self._endpoints, pincode, pickup=pickup, rvp=rvp)
        return pincodes.parse_search(await self._succeed(request))

    async def predict_delivery(
        self, journeys: Sequence[RequestModel | JsonObject], *, check_drop_pincode: bool = False
    ) -> predictions.Predictions:
        """The transit times of parcels within India, in days. Raises ValueError for no journey, VendorError.

        A journey: `pickup_pincode`, `drop_pincode` and optionally `optional` (`cp_id`, `awb`, `account_code`).
        """
        request = predictions.prediction_request(self._endpoints, journeys, check_drop_pincode)
        return predictions.parse_predictions(await self._succeed(request))

    async def predict_delivery_world(self, journey: RequestModel | JsonObject) -> predictions.Predictions:
        """The transit time of a cross-border parcel, in days. Raises VendorError, ValueError.

        `journey` has `pickup_details` and `drop_details`, each with `pincode` and `country`, and may have `optional`.
        """
        request = predictions.world_prediction_request(self._endpoints, journey)
        return predictions.parse_predictions(await self._succeed(request))

    async def set_whatsapp(self, waybill: str, enabled: bool) -> Acknowledged:
        """Switch WhatsApp messages about one shipment on or off. Raises VendorError."""
        return parse_done(await self._succeed(access.whatsapp_request(self._endpoints, waybill, enabled)))

    async def login(self, password: str, *, username: str = "") -> access.Token:
        """Exchange a password for a token; the username is the client's unless given. Raises VendorError."""
        exchange = await self._send(access.login_request(self._endpoints, password, username))
        return access.parse_token(successful_reply(exchange, proof="token"))

    async def register_service(self, service_id: int = access.TRACKING_SERVICE) -> Acknowledged:
        """Subscribe the account to a service; 2 is tracking. Repeating it is not an error. Raises VendorError."""
        exchange = await self._send(access.service_request(self._endpoints, service_id))
        return parse_done(successful_reply(exchange, also=(access.ALREADY_SUBSCRIBED,)))
