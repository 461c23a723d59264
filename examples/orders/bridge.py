"""The side of awbridge: orders are registered and cancelled there, its events are received and reported to the shop.

`run` is the command of every shop's module: `register` takes a file, `serve` receives the webhooks of both sides.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import httpx2
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from .fields import Json, object_of, text_of
from .parcels import Merchant, shop_ids
from .problems import Cancelled, NotToShip, OrderProblem

log = logging.getLogger("orders")

NOT_MOVING = (None, 1, 2, 3, 25, 28)  # status codes of a parcel that the courier does not hold yet


class NotSigned(Exception):
    """A webhook whose signature is missing or wrong: it does not come from the shop."""


def verify(secret: str, body: bytes, signature: str) -> None:
    """Check the base64 HMAC-SHA256 by which Shopify, WooCommerce and Frappe sign a webhook. Raises NotSigned."""
    expected = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    if not secret or not hmac.compare_digest(expected, signature.encode()):
        raise NotSigned("not signed with the webhook's secret")


class ConfigurationError(Exception):
    """A variable of the environment is missing. The text names it."""


class NotReported(Exception):
    """The shop refused a report, or cannot take it now: awbridge sends the event again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """News of a parcel for the shop. `shop_ids` are those that its payload got; `status` is 0 before the first scan."""

    kind: str
    reference: str
    shop_ids: tuple[str, ...]
    waybill: str
    courier: str
    track_url: str
    status: int
    status_name: str
    at: str


class Shop(Protocol):
    """An order system: what the modules of this folder implement."""

    channel: str
    """Its name in the payloads of its parcels, by which events of other shops' parcels are recognised."""

    def from_webhook(self, headers: Mapping[str, str], body: bytes) -> Iterable[Json]:
        """The orders of a webhook. Raises NotSigned."""
        ...

    def from_file(self, path: Path) -> Iterable[Json]:
        """The orders of an export."""
        ...

    def changed_since(self, at: datetime) -> Iterable[Json]:
        """The orders that changed since then, from the shop's API."""
        ...

    def payloads(self, order: Json) -> list[Json]:
        """The payload of each parcel of an order. Raises OrderProblem, NotToShip or Cancelled."""
        ...

    def report(self, update: Update) -> None:
        """Report a waybill or a status to the shop. The same update may come again, and updates may overtake."""
        ...


SomeShop = TypeVar("SomeShop", bound=Shop)


class Awbridge:
    """awbridge's API, through a client with its address and an API key."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def register(self, order: str, payload: Json) -> str:
        """Register a parcel: `stored`, `known`, or `changed` if it was registered before and not sent since.

        Raises OrderProblem if the payload is refused, or if ClickPost holds the parcel with another payload.
        """
        reference = payload["shipment_details"]["reference_number"]
        answer = self._http.post("/v1/shipments", json=payload)
        if answer.status_code in (200, 202):
            return "stored" if answer.status_code == 202 else "known"
        if answer.status_code == 409 and answer.json().get("differences"):
            if _origin(self._payload(reference))[:2] != _origin(payload)[:2]:
                problem = "has the reference number of another shop's parcel: set prefix in merchant.toml"
                raise OrderProblem(order, f"parcel {reference}", problem)
            answer = self._http.put(
                f"{_path(reference)}/payload", json=payload, params={"reason": "edited in the shop"}
            )
            if answer.is_success:
                return "changed"
        if answer.status_code in (409, 422):
            raise OrderProblem(order, f"parcel {reference}", _refusal(answer.json()))
        answer.raise_for_status()
        raise OrderProblem(order, f"parcel {reference}", f"got an unexpected answer: HTTP {answer.status_code}")

    def cancel(self, order: str, channel: str) -> list[str]:
        """Cancel the parcels of a shop's order that no courier has yet; their reference numbers. Ended ones stay.

        Raises OrderProblem for a parcel that is on its way: cancelling it would send it back, which a person decides.
        """
        found = self._http.get("/v1/shipments", params={"order_id": order, "limit": 500}).raise_for_status().json()
        done: list[str] = []
        moving: list[str] = []
        for shipment in found["shipments"]:
            status = object_of(shipment["status"])
            if shipment["state"] == "cancelled" or status.get("final"):
                continue
            if _origin(self._payload(shipment["reference_number"]))[0] != channel:
                continue
            if status.get("code") not in NOT_MOVING:
                moving.append(shipment["reference_number"])
                continue
            answer = self._http.post(f"{_path(shipment['reference_number'])}/cancel")
            if answer.status_code == 409:
                raise OrderProblem(order, f"parcel {shipment['reference_number']}", _refusal(answer.json()))
            answer.raise_for_status()
            done.append(shipment["reference_number"])
        if moving:
            problem = "is with the courier already: instruct the courier, or wait for it and take the goods back"
            raise OrderProblem(order, f"parcel {', '.join(moving)}", problem)
        return done

    def update_of(self, event: Json, channel: str) -> Update | None:
        """What an event says to the shop of this channel; None if it is not about a parcel of that shop."""
        data = object_of(event.get("data"))
        if data.get("replaced_by"):
            return None  # its successor reports itself
        reference, status = text_of(data.get("reference_number")), object_of(data.get("status"))
        origin, *ids = _origin(self._payload(reference))
        if origin != channel or not ids:
            return None
        return Update(
            kind=text_of(event.get("type")),
            reference=reference,
            shop_ids=tuple(ids),
            waybill=text_of(data.get("waybill")),
            courier=text_of(data.get("transporter")),
            track_url=text_of(data.get("track_url")),
            status=int(status.get("code") or 0),
            status_name=text_of(status.get("name")),
            at=text_of(status.get("at")) or text_of(event.get("timestamp")),
        )

    def _payload(self, reference: str) -> Json:
        answer = self._http.get(_path(reference))
        return {} if answer.status_code == 404 else object_of(answer.raise_for_status().json()["payload"])


def awbridge_client() -> httpx2.Client:
    """By BRIDGE_URL and BRIDGE_API_KEY, a key with the role operator; without keys, only the same machine may call."""
    key = os.environ.get("BRIDGE_API_KEY", "")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx2.Client(base_url=os.environ.get("BRIDGE_URL", "http://127.0.0.1:8000"), headers=headers, timeout=30)


def needed(http: httpx2.Client | None, variable: str) -> httpx2.Client:
    """The client of a shop's API. Raises ConfigurationError without its address."""
    if http is None:
        raise ConfigurationError(f"set {variable} to the address of the shop: without it, only files can be read")
    return http


def shop_client(url: str, **more: Any) -> httpx2.Client | None:
    """The client of a shop's API; None without its address: then files are read, and nothing is reported."""
    return httpx2.Client(base_url=url, timeout=30, **more) if url else None


def take_in(shop: Shop, bridge: Awbridge, order: Json) -> str:
    """Register an order's parcels, or cancel them; what was done. Raises OrderProblem."""
    try:
        payloads = _payloads(shop, order)
    except Cancelled as cancelled:
        done = bridge.cancel(cancelled.order, shop.channel)
        return f"order {cancelled.order}: cancelled {', '.join(done)}" if done else str(cancelled)
    except NotToShip as reason:
        return str(reason)
    results: list[str] = []
    for payload in payloads:
        details = payload["shipment_details"]
        results.append(f"{details['reference_number']} {bridge.register(details['order_id'], payload)}")
    return f"order {payloads[0]['shipment_details']['order_id']}: {', '.join(results)}"


def _payloads(shop: Shop, order: Json) -> list[Json]:
    try:
        return shop.payloads(order)
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        name = next(
            (text_of(order[field]) for field in ("name", "number", "increment_id", "id") if field in order), "?"
        )
        field = str(error) if isinstance(error, KeyError) else type(error).__name__
        raise OrderProblem(name, field, "is not as this version of the module expects it: compare the order") from error


def make_app(shop: Shop, bridge: Awbridge, *, events_secret: str) -> Starlette:
    """The receiver: `POST /shop` for the shop's webhooks, `POST /awbridge` for awbridge's events."""

    async def from_shop(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(_from_shop, shop, bridge, request.headers, body)

    async def from_awbridge(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(_from_awbridge, shop, bridge, Webhook(events_secret), request.headers, body)

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    return Starlette(
        routes=[
            Route("/healthz", health),
            Route("/shop", from_shop, methods=["POST"]),
            Route("/awbridge", from_awbridge, methods=["POST"]),
        ]
    )


def _from_shop(shop: Shop, bridge: Awbridge, headers: Mapping[str, str], body: bytes) -> Response:
    """Shops repeat what is not answered with 200, and give up on a receiver that fails often.

    So an order with a problem is 200 and a line in the log: repeating it would not help. 503: it is repeated.
    """
    try:
        for order in shop.from_webhook(headers, body):
            try:
                log.info("%s", take_in(shop, bridge, order))
            except OrderProblem as problem:
                log.error("%s", problem)
    except NotSigned as unsigned:
        return PlainTextResponse(str(unsigned), 401)
    except (httpx2.HTTPError, NotReported) as error:
        log.warning("not taken in, the shop repeats it: %s", type(error).__name__)
        return PlainTextResponse("try again", 503)
    return PlainTextResponse("ok")


def _from_awbridge(shop: Shop, bridge: Awbridge, webhook: Webhook, headers: Mapping[str, str], body: bytes) -> Response:
    try:
        event = webhook.verify(body, dict(headers))
    except WebhookVerificationError:
        return PlainTextResponse("not signed with the endpoint's secret", 401)
    try:
        if update := bridge.update_of(event, shop.channel):
            shop.report(update)
    except NotReported as refusal:
        log.warning("not reported, awbridge repeats it: %s", refusal)
        return PlainTextResponse("try again", 503)
    except httpx2.HTTPError as error:
        log.warning("not reported, awbridge repeats it: %s", type(error).__name__)
        return PlainTextResponse("try again", 503)
    return PlainTextResponse("ok")


def run(
    make_shop: Callable[[Merchant], SomeShop],
    more: Mapping[str, tuple[str, Callable[[SomeShop], None]]] | None = None,
    arguments: Sequence[str] | None = None,
) -> int:
    """The command of a shop's module; its exit code: 1 if an order has a problem, 2 if nothing could be done.

    `more`: further commands by name, with their help and what they do.
    """
    given = _parser({name: text for name, (text, _) in (more or {}).items()}).parse_args(arguments)
    try:
        return _run(make_shop, more or {}, given)
    except (ConfigurationError, OSError, ValueError, httpx2.HTTPError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2


def _run(
    make_shop: Callable[[Merchant], SomeShop],
    more: Mapping[str, tuple[str, Callable[[SomeShop], None]]],
    given: argparse.Namespace,
) -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # its addresses name orders and customers' documents
    shop = make_shop(Merchant.read(given.merchant))
    if given.command in more:
        more[given.command][1](shop)
        return 0
    with awbridge_client() as http:
        bridge = Awbridge(http)
        if given.command == "serve":
            import uvicorn

            secret = os.environ.get("BRIDGE_EVENTS_SECRET", "")
            if not secret:
                raise ConfigurationError("set BRIDGE_EVENTS_SECRET to the secret that `awbridge endpoints add` printed")
            uvicorn.run(make_app(shop, bridge, events_secret=secret), port=given.port)
            return 0
        if given.command == "poll":
            since = datetime.now(UTC) - timedelta(minutes=given.minutes)
            return _register(shop, bridge, shop.changed_since(since))
        orders = (order for file in given.file for order in shop.from_file(file))
        return _register(shop, None if given.dry_run else bridge, orders)


def _parser(more: Mapping[str, str]) -> argparse.ArgumentParser:
    about = "Registers orders with awbridge and reports waybills and statuses back."
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--merchant", type=Path, default=Path("merchant.toml"), help="what no order says (a TOML file)")
    commands = parser.add_subparsers(dest="command", required=True)
    register = commands.add_parser("register", help="register the orders of an export; repeat it as often as you like")
    register.add_argument("file", type=Path, nargs="+")
    register.add_argument("--dry-run", action="store_true", help="print the payloads, send nothing")
    poll = commands.add_parser("poll", help="register what changed in the shop lately; run it every few minutes")
    poll.add_argument("--minutes", type=int, default=60, help="how far to look back; may overlap")
    serve = commands.add_parser("serve", help="receive the shop's webhooks and awbridge's events")
    serve.add_argument("--port", type=int, default=8200)
    for name, text in more.items():
        commands.add_parser(name, help=text)
    return parser


def _register(shop: Shop, bridge: Awbridge | None, orders: Iterable[Json]) -> int:
    failed = 0
    for order in orders:
        try:
            print(take_in(shop, bridge, order) if bridge else _dry(shop, order))
        except OrderProblem as problem:
            failed = 1
            print(problem, file=sys.stderr)
    return failed


def _dry(shop: Shop, order: Json) -> str:
    try:
        return json.dumps(_payloads(shop, order), indent=2, ensure_ascii=False)
    except NotToShip as reason:
        return str(reason)


def _path(reference: str) -> str:
    return f"/v1/shipments/{quote(reference, safe='')}"


def _origin(payload: Json) -> tuple[str, ...]:
    """The shop of a payload, and the shop's own ids of order and parcel."""
    return text_of(object_of(payload.get("additional")).get("channel_name")), *shop_ids(payload)


def _refusal(problem: Any) -> str:
    """The fields and reasons of a refusal, without the values."""
    given = object_of(problem)
    fields = [f"{error.get('path', '')} {error.get('problem', '')}" for error in given.get("errors", [])]
    return "; ".join(fields) or text_of(given.get("detail")) or text_of(given.get("title"))
