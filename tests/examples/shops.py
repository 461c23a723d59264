"""The APIs of the four shops, as far as the examples call them: they answer from memory and keep what they get."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.examples.conftest import sample

Json = dict[str, Any]


@dataclass
class Shops:
    """Orders by id, and what was written to them."""

    url: str = ""
    calls: list[tuple[str, str, Any]] = field(default_factory=list[tuple[str, str, Any]])
    """Method, path and body of each request that changes something."""
    tokens: int = 0
    shopify_fulfillments: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])
    """By the fulfillment order, whose number is that of its order."""
    woo: Json = field(default_factory=dict[str, Any])
    magento: Json = field(default_factory=dict[str, Any])
    magento_shipments: list[Json] = field(default_factory=list[Json])
    documents: dict[tuple[str, str], Json] = field(default_factory=dict[tuple[str, str], Json])

    def __post_init__(self) -> None:
        self.woo = sample("woocommerce-orders.json")[0]
        self.magento = sample("magento-orders.json")["items"][0]
        note, others = sample("erpnext-delivery-notes.json")[0]["data"], sample("erpnext-related.json")
        for document in (note, *others.values()):
            self.documents[document["doctype"], document["name"]] = document

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any, token: str) -> tuple[int, Any]:
        if path == "/admin/oauth/access_token":
            self.tokens += 1
            return 200, {"access_token": f"token-{self.tokens}", "expires_in": 86399}
        if path.startswith("/admin/"):
            return (401, {}) if token == "token-1" else (200, self._shopify(path, body))
        if path.startswith("/wp-json/"):
            return self._woo(method, path.removeprefix("/wp-json/wc/v3"), query, body)
        if path.startswith("/rest/V1"):
            return self._magento(method, path.removeprefix("/rest/V1"), body)
        return self._erpnext(method, path.removeprefix("/api/resource/"), query, body)

    def _shopify(self, path: str, body: Any) -> Json:
        if path.endswith("/orders.json"):
            return {"orders": sample("shopify-orders.json")["orders"]}
        variables = body["variables"]
        if "fulfillmentCreate" in body["query"]:
            self.calls.append(("POST", "fulfillmentCreate", variables))
            (box,) = (one["fulfillmentOrderId"] for one in variables["fulfillment"]["lineItemsByFulfillmentOrder"])
            made = {
                "id": box.replace("FulfillmentOrder", "Fulfillment"),
                "status": "SUCCESS",
                "trackingInfo": [{"number": variables["fulfillment"]["trackingInfo"]["number"]}],
                "events": {"nodes": []},
                "fulfillmentOrders": {"nodes": [{"id": box}]},
            }
            self.shopify_fulfillments.setdefault(box.rpartition("/")[2], []).append(made)
            return {"data": {"fulfillmentCreate": {"fulfillment": {"id": made["id"]}, "userErrors": []}}}
        if "fulfillmentEventCreate" in body["query"]:
            self.calls.append(("POST", "fulfillmentEventCreate", variables))
            made = self.shopify_fulfillments[variables["event"]["fulfillmentId"].rpartition("/")[2]][-1]
            made["events"]["nodes"].append(variables["event"])
            return {"data": {"fulfillmentEventCreate": {"userErrors": []}}}
        if "fulfillmentTrackingInfoUpdate" in body["query"]:
            self.calls.append(("POST", "fulfillmentTrackingInfoUpdate", variables))
            made = self.shopify_fulfillments[variables["id"].rpartition("/")[2]][-1]
            made["trackingInfo"] = [{"number": variables["tracking"]["number"]}]
            return {"data": {"fulfillmentTrackingInfoUpdate": {"userErrors": []}}}
        assert "query parcels" in body["query"], body["query"]
        number = variables["id"].rpartition("/")[2]
        done = self.shopify_fulfillments.get(number, [])
        order = {str(one["id"]): one for one in sample("shopify-orders.json")["orders"]}.get(number)
        if order is None:
            return {"data": {"order": None}}
        box = {
            "id": f"gid://shopify/FulfillmentOrder/{number}",
            "status": "CLOSED" if done else "OPEN",
            "assignedLocation": {"location": {"id": "gid://shopify/Location/98765432100"}},
            "lineItems": {
                "nodes": [
                    {
                        "remainingQuantity": 0 if done else line["fulfillable_quantity"],
                        "totalQuantity": line["quantity"],
                        "lineItem": {"id": line["admin_graphql_api_id"]},
                    }
                    for line in order["line_items"]
                ]
            },
        }
        return {"data": {"order": {"fulfillmentOrders": {"nodes": [box]}, "fulfillments": done}}}

    def _woo(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if path.startswith("/products/"):
            products = {str(one["id"]): one for one in sample("woocommerce-products.json")}
            found = products.get(path.rpartition("/")[2])
            return (200, found) if found else (404, {"code": "woocommerce_rest_product_invalid_id"})
        if path == "/orders":
            return 200, [self.woo] if query["page"] == ["1"] else []
        if method == "GET":
            return 200, self.woo
        self.calls.append((method, path, body))
        if method == "PUT":
            self.woo["status"] = body.get("status", self.woo["status"])
            written = {one["key"]: one for one in body.get("meta_data", [])}
            kept = [one for one in self.woo["meta_data"] if one["key"] not in written]
            self.woo["meta_data"] = [*kept, *written.values()]
        return 201, {}

    def _magento(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if path == "/orders":
            return 200, {"items": [self.magento], "total_count": 1}
        if path == "/shipments":
            return 200, {"items": self.magento_shipments, "total_count": len(self.magento_shipments)}
        if method == "GET":
            return 200, self.magento
        self.calls.append((method, path, body))
        if path.endswith("/ship"):
            self.magento_shipments.append({"entity_id": 501, "order_id": 361, "tracks": body["tracks"]})
            for item in self.magento["items"]:
                item["qty_shipped"] = item["qty_ordered"]
        else:
            self.magento["status_histories"].append(body["statusHistory"])
        return 200, "501"

    def _erpnext(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        doctype, _, name = path.partition("/")
        if method == "GET" and name:
            return 200, {"data": self.documents[doctype, name]}
        if method == "GET":
            equal = [(name, value) for name, sign, value in json.loads(query["filters"][0]) if sign == "="]
            found = [one for (kind, _), one in self.documents.items() if kind == doctype]
            return 200, {"data": [one for one in found if all(one.get(name) == value for name, value in equal)]}
        self.calls.append((method, path, body))
        if method == "PUT":
            submitted = [one for one in body if not one.startswith("custom_")]
            assert not submitted, "a submitted document takes changes only in fields with Allow on Submit"
            self.documents[doctype, name] |= body
        else:
            self.documents[doctype, f"{body['dt']}-{body['fieldname']}"] = body
        return 200, {"data": {}}


@contextmanager
def shops() -> Iterator[Shops]:
    """The four APIs on one loopback port."""
    held, lock = Shops(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            split = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("content-length", "0")))
            is_json = "json" in self.headers.get("content-type", "")
            body = json.loads(raw) if is_json and raw else None
            token = self.headers.get("x-shopify-access-token", "")
            with lock:
                status, answer = held.answer(self.command, unquote(split.path), parse_qs(split.query), body, token)
            written = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        do_GET = do_POST = do_PUT = _answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    held.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
