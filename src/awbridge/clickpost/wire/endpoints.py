"""Requests to ClickPost as values: address, parameters and body. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from msgspec import Struct

from awbridge.clickpost.wire.masking import mask_signed, mask_text, mask_url
from awbridge.clickpost.wire.shortening import LONGEST_KEPT, fits, shortened
from awbridge.domain.call import Call
from awbridge.domain.errors import VendorError
from awbridge.domain.json import JsonObject, written
from awbridge.domain.orders.shipment import Region
from awbridge.domain.privacy import without_people

MOST_WAYBILLS = 5  # a call of track-order
LONGEST_WINDOW = timedelta(seconds=1800)  # of updated-order
BEST_WINDOW = timedelta(minutes=10)  # of updated-order; ClickPost recommends 5 to 10 minutes
MOST_PAGES = 2000
SERVICE_ALL_STATUSES = 2

_CREATE_ORDER = {Region.INDIA: "/api/v3/create-order/", Region.WORLD: "/api/v4/create-order/"}


class ApiRequest(Struct, frozen=True, kw_only=True, gc=False):
    """One request. `url` and `body` hold the key in clear: they are sent, never stored.

    `file`: the answer is a file, which only the caller gets; `into` receives it in parts.
    """

    api: str
    method: str
    url: str
    body: str = ""
    secrets: tuple[str, ...] = ()
    file: bool = False
    into: Callable[[bytes], object] | None = None

    def __repr__(self) -> str:
        """Without the address and the body: they hold the key."""
        return f"ApiRequest({self.api!r}, {self.method!r})"

    def call(
        self,
        *,
        http_status: int | None = None,
        business_status: int | None = None,
        response: str = "",
        error: str = "",
        ms: int = 0,
    ) -> Call:
        """The Call that is recorded of this request: secrets masked, bodies of at most 64 KiB (see shortening)."""
        return Call(
            api=self.api,
            method=self.method,
            url=_masked_url(self.url, self.secrets),
            request=self._kept(self.body),
            http_status=http_status,
            business_status=business_status,
            response=self._kept(response),
            error=self.masked(error),
            ms=ms,
        )

    def _kept(self, text: str) -> str:
        if fits(text):
            return cut(self.masked(text))
        if (short := shortened(text)) is not None:
            return cut(self.masked(short))
        # Cut twice: only what may be stored is searched, and no secret or name is cut in half at the end.
        return cut(without_people(self.masked(text[: 2 * LONGEST_KEPT]), self.body))

    def masked(self, text: str) -> str:
        """The text without the secrets of this request, fit to be stored."""
        return _masked(text, self.secrets)


def _masked(text: str, secrets: tuple[str, ...]) -> str:
    return mask_signed(mask_text(text, secrets)).replace("\x00", "\ufffd") if text else ""


@lru_cache(maxsize=64)
def _masked_url(url: str, secrets: tuple[str, ...]) -> str:
    """The URL as it may be stored. Kept, because all orders go to the same one."""
    return mask_url(_masked(url, secrets))


def cut(text: str) -> str:
    """The text, cut at 64 KiB of UTF-8."""
    data = text.encode("utf-8", "replace")
    return text if len(data) <= LONGEST_KEPT else data[:LONGEST_KEPT].decode("utf-8", "ignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Builds the requests of one ClickPost account."""

    username: str
    key: str = field(repr=False)
    url: str
    tracking_url: str
    serviceability_url: str = ""
    edd_url: str = ""

    def create_order(self, payload: JsonObject, region: Region) -> ApiRequest:
        """Register one shipment. Raises ValueError if the payload cannot be written as JSON."""
        return self.post("create-order", self.url + _CREATE_ORDER[region], self.login(), payload)

    def fetch_order(self, waybill: str, cp_id: int, region: Region) -> ApiRequest:
        """The order that ClickPost holds under a waybill."""
        params = {**self.login(), "awb": waybill, "cp_id": str(cp_id)}
        return self.get("fetch-order", self.url + _CREATE_ORDER[region], params)

    def create_flat_order(self, payload: JsonObject) -> ApiRequest:
        """Register one shipment by the flat form. Raises ValueError if the payload cannot be written as JSON."""
        return self.post("create-flat-order", self.url + "/api/v1/create-order/", self.login(), payload)

    def create_b2b_order(self, payload: JsonObject) -> ApiRequest:
        """Register one shipment between businesses. Raises ValueError if it cannot be written as JSON."""
        return self.post("create-b2b-order", self.url + "/api/v1/create-b2b-order/", self.login(), payload)

    def fetch_order_by_reference(self, reference_number: str, region: Region) -> ApiRequest:
        """The order that ClickPost holds under a reference number."""
        params = {**self.login(), "reference_number": reference_number}
        return self.get("fetch-order", self.url + _CREATE_ORDER[region], params)

    def cancel_order(self, waybill: str, cp_id: int, account_code: str, update_status: bool = False) -> ApiRequest:
        """Cancel one shipment."""
        params = {**self.login(), "waybill": waybill, "cp_id": str(cp_id), "account_code": account_code}
        if update_status:
            params["manually_update_status"] = "True"
        return self.get("cancel-order", self.url + "/api/v1/cancel-order/", params)

    def track_order(self, waybills: Sequence[str], cp_id: int) -> ApiRequest:
        """The timelines of 1 to 5 waybills of one courier. Raises ValueError for any other number of them."""
        if not 1 <= len(waybills) <= MOST_WAYBILLS:
            raise ValueError(f"track_order takes 1 to {MOST_WAYBILLS} waybills a call, not {len(waybills)}")
        if any(not waybill or "," in waybill for waybill in waybills):
            raise ValueError("a waybill must not be empty or contain a comma")
        params = {**self.login(), "waybill": ",".join(waybills), "cp_id": str(cp_id)}
        return self.get("track-order", self.tracking_url + "/api/v2/track-order/", params)

    def updated_order(self, start: datetime, end: datetime) -> ApiRequest:
        """The first page of the changes in a window. Raises ValueError if it is longer than 30 minutes."""
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError("start and end need a time zone")
        if not timedelta(0) < end - start <= LONGEST_WINDOW:
            raise ValueError("a window of updated-order must be above 0 s and at most 1800 s")
        window = {"start_date": str(int(start.timestamp())), "end_date": str(int(end.timestamp()))}
        return self.updated_order_page(window)

    def updated_order_page(self, params: dict[str, str]) -> ApiRequest:
        """A page by its own parameters and our credentials."""
        return self.get("updated-order", self.tracking_url + "/api/v1/updated-order", {**params, **self.login()})

    def register_webhook(self, webhook_url: str, *, change: bool = False) -> ApiRequest:
        """Send all statuses to an address, or change the address. The key goes in the body."""
        body: JsonObject = {"service_id": SERVICE_ALL_STATUSES, "key": self.key, "webhook_url": webhook_url}
        url, method = self.url + "/api/v1/tracking/register-webhook/", "PUT" if change else "POST"
        # The address may end in a token.
        return self.post("register-webhook", url, {}, body, method=method, secrets=_path_tokens(webhook_url))

    def test_webhook(self, test_url: str, test_data: JsonObject) -> ApiRequest:
        """Make ClickPost send a delivery with this body to an address."""
        body: JsonObject = {"test_url": test_url, "test_data": test_data}
        url, params = self.url + "/api/v1/test_webhook", {"key": self.key}
        return self.post("test-webhook", url, params, body, secrets=_path_tokens(test_url))

    def fetch_accounts(self, active: bool | None) -> ApiRequest:
        """The courier accounts: the active ones, the inactive ones, or (None) all."""
        params = {"key": self.key} if active is None else {"key": self.key, "active": str(active)}
        return self.get("fetch-accounts", self.url + "/api/v1/fetch-accounts", params)

    def login(self) -> dict[str, str]:
        """The credentials that most endpoints take as parameters."""
        return {"username": self.username, "key": self.key}

    def get(self, api: str, url: str, params: dict[str, str]) -> ApiRequest:
        """A request without a body."""
        return ApiRequest(api=api, method="GET", url=_with_query(url, params), secrets=(self.key,))

    def post(
        self,
        api: str,
        url: str,
        params: dict[str, str],
        body: JsonObject | list[JsonObject],
        *,
        method: str = "POST",
        secrets: tuple[str, ...] = (),
    ) -> ApiRequest:
        """A request with a JSON body. Raises ValueError if the body cannot be written as JSON."""
        try:
            text = written(body)
            text.encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"the body cannot be written as JSON ({type(error).__name__})") from None
        address = _address(url, tuple(params.items()))
        return ApiRequest(api=api, method=method, url=address, body=text, secrets=(self.key, *secrets))


class Pages:
    """Walks updated-order, window by window and page by page: `request` is the next to send, None at the end.

    Only the parameters of ClickPost's `next` link are used. Host, path and key stay ours, so that a link can never send
    the key elsewhere. Raises VendorError for pages that repeat or never end. With `page` (a result of `turn`)
    the walk resumes there.
    """

    def __init__(
        self, endpoints: Endpoints, start: datetime, end: datetime, window: timedelta = BEST_WINDOW, page: str = ""
    ) -> None:
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError("start and end need a time zone")
        if start >= end:
            raise ValueError("the start must be before the end")
        if not timedelta(0) < window <= LONGEST_WINDOW:
            raise ValueError("a window of updated-order must be above 0 s and at most 1800 s")
        self._endpoints = endpoints
        self._end = end
        self._window = window
        self._open(start)
        if page:
            self.request = endpoints.updated_order_page(dict(parse_qsl(page, keep_blank_values=True)))
            self._asked.add(self.request.url)

    def _open(self, start: datetime) -> None:
        self._until = min(start + self._window, self._end)
        self.request: ApiRequest | None = self._endpoints.updated_order(start, self._until)
        self._asked = {self.request.url}

    def turn(self, next_url: str | None, call: Call) -> str:
        """Turn to the page of this link, or to the next window if there is none.

        Returns the parameters of that page without credentials, to store and resume from later.
        """
        self.request = None
        if next_url is None:
            if self._until < self._end:
                self._open(self._until)
            return ""
        params = dict(parse_qsl(urlsplit(next_url).query, keep_blank_values=True)) if _is_url(next_url) else {}
        following = self._endpoints.updated_order_page(params)
        if following.url in self._asked or not params:
            raise VendorError("the pages of updated-order go in circles", call=call, again=True)
        if len(self._asked) >= MOST_PAGES:
            raise VendorError(f"updated-order has more than {MOST_PAGES} pages", call=call, again=True)
        self._asked.add(following.url)
        self.request = following
        return urlencode({name: value for name, value in params.items() if name not in self._endpoints.login()})


def _is_url(text: str) -> bool:
    try:
        return bool(urlsplit(text).query)
    except ValueError:
        return False


def _with_query(url: str, params: dict[str, str]) -> str:
    return f"{url}?{urlencode(params, safe=',', quote_via=quote, errors='replace')}" if params else url


@lru_cache(maxsize=64)
def _address(url: str, params: tuple[tuple[str, str], ...]) -> str:
    """The address of requests with bodies. Kept, because all orders go to the same one."""
    return _with_query(url, dict(params))


def _path_tokens(url: str) -> tuple[str, ...]:
    """The parts of a webhook address that look like tokens."""
    try:
        parts = urlsplit(url).path.split("/")
    except ValueError:
        return ()
    return tuple(part for part in parts if len(part) >= 16 and any(letter.isdigit() for letter in part))
