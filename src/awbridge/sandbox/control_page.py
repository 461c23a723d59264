"""The sandbox's page: its parcels, and buttons that move them forward. For people who try awbridge in a browser."""

from datetime import datetime
from html import escape
from typing import Final
from urllib.parse import parse_qsl

from awbridge.sandbox.shipments.models import SimulatedOrder
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.http import ApiCall, ApiResponse, CallRejected
from awbridge.sandbox.wire.timestamps import INDIA

MOST_SHOWN: Final = 200
"""Parcels on the page, the newest first."""

_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1d2733}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #d9dee5;vertical-align:top}
form{display:inline}
button{font:inherit;padding:.2rem .8rem;border:1px solid #67788c;border-radius:.3rem;background:#fff;cursor:pointer}
.buttons{margin:1rem 0}.quiet{color:#546475}
"""


async def show(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET /: the parcels with their latest scans."""
    orders = list(sandbox.registry.shipments.values())[::-1]
    rows = "\n".join(_row(order) for order in orders[:MOST_SHOWN])
    if rows:
        head = (
            "<tr><th>Reference number</th><th>AWB</th><th>Courier</th><th>Latest scan</th><th>Scans</th><th></th></tr>"
        )
        table = f"<table><thead>{head}</thead><tbody>\n{rows}\n</tbody></table>"
    else:
        table = "<p>No parcel yet: orders that awbridge registers appear here.</p>"
    more = f"<p class=quiet>The newest {MOST_SHOWN} of {len(orders)}.</p>" if len(orders) > MOST_SHOWN else ""
    webhook = escape(sandbox.webhooks.url or "none is registered")
    body = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Sandbox: a simulated ClickPost</title><style>{_STYLE}</style></head>
<body>
<h1>Sandbox: a simulated ClickPost</h1>
<p>The couriers work in real time. The buttons make what comes next happen now. Each scan is sent as a webhook.</p>
<p class="quiet">Webhooks go to: {webhook}</p>
<div class="buttons">{_button("next", "Next scan of every parcel")} {_button("finish", "Complete every journey")}</div>
{table}
{more}
</body>
</html>
"""
    return ApiResponse(200, body.encode(), "text/html; charset=utf-8")


def _row(order: SimulatedOrder) -> str:
    latest = order.latest
    at = f"{datetime.fromtimestamp(latest.scanned_at, INDIA):%Y-%m-%d %H:%M:%S}" if latest else ""
    scan = (
        f"{escape(latest.remark)}<br><span class=quiet>{escape(latest.location)}, {at}</span>" if latest else "none yet"
    )
    button = _button("next", "Next scan", order) if order.is_open else "ended"
    cells = (escape(order.reference_number), escape(order.waybill), escape(order.account.account_code), scan)
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}<td>{len(order.scans)}</td><td>{button}</td></tr>"


def _button(do: str, text: str, order: SimulatedOrder | None = None) -> str:
    about = f'<input type="hidden" name="waybill" value="{escape(order.waybill)}">' if order else ""
    label = f' aria-label="{escape(f"{text} of {order.reference_number}")}"' if order else ""
    return f'<form method="post" action="/">{about}<button name="do" value="{do}"{label}>{text}</button></form>'


async def act(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST /: what a button of the page does; the page again."""
    fields = dict(parse_qsl(call.body.decode("utf-8", "replace")))
    order = sandbox.registry.find(fields["waybill"]) if fields.get("waybill") else None
    if order:
        sandbox.next_scan(order)
    elif fields.get("waybill"):
        raise CallRejected(ApiResponse(404, b"<h1>No parcel has this AWB</h1>", "text/html"))
    elif fields.get("do") == "finish":
        await sandbox.finish()
    elif fields.get("do") == "next":
        await sandbox.next_scans()
    return ApiResponse(303, b"", "text/plain", ((b"location", b"/"),))
