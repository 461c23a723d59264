"""The group `awbridge shipments`, by the names of its commands: each is imported when it is called."""

from __future__ import annotations

import click

from awbridge.cli.group import Group, Lazy

_COMMANDS = (
    Lazy(
        "import",
        "orders.shipments:import_shipments",
        "Import orders from a table (CSV, XLSX, XLS, ODS) or a .json or .jsonl file.",
    ),
    Lazy(
        "show",
        "orders.shipments:show_shipment",
        "Show a shipment with its milestones, its timeline and the newest calls about it: by reference number or "
        "waybill.",
    ),
    Lazy("scans", "orders.shipments:show_scans", "Show a shipment's timeline, oldest scan first."),
    Lazy(
        "attempts",
        "orders.shipments:show_attempts",
        "Show the newest calls made to ClickPost about a shipment, oldest first.",
    ),
    Lazy("retry", "orders.shipments:retry_shipments", "Push shipments again at once, with all their attempts."),
    Lazy("cancel", "orders.shipments:cancel_shipments", "Cancel shipments, also at ClickPost if it holds them."),
    Lazy(
        "silent",
        "orders.shipments:list_silent",
        "List shipments that are no longer polled: no update for AWBRIDGE_POLL_SILENT_DAYS.",
    ),
    Lazy(
        "ask",
        "orders.shipments:ask_shipments",
        "Poll shipments at once, or two hours after their last poll.",
    ),
    Lazy("list", "orders.shipment_lists:list_shipments", "List shipments, newest first, or those that need a person."),
    Lazy("export", "orders.shipment_lists:export_shipments", "Export a list of shipments as CSV or XLSX."),
    Lazy(
        "edit", "orders.actions:edit_shipment", "Edit an order that the courier has: order_type, cod_value, and others."
    ),
    Lazy("label", "orders.actions:fetch_label", "Fetch a shipment's label; its URL is stored with the shipment."),
    Lazy("ndr", "orders.actions:instruct", "Instruct the courier after a failed delivery (NDR)."),
    Lazy("payload", "orders.payloads:payload", "Show a shipment's payload, or edit it."),
    Lazy("replace", "orders.payloads:replace", "Replace a shipment that ClickPost holds, and cancel the old one."),
    Lazy(
        "settle",
        "orders.payloads:settle_shipments",
        "Settle shipments that may be placed: say whether ClickPost has them.",
    ),
)


@click.group("shipments", cls=Group, commands=_COMMANDS)
def shipments_group() -> None:
    """Import, inspect, retry and cancel shipments."""
