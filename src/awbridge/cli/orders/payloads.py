"""`awbridge shipments payload` and `replace`: correct a refused payload, replace a placed shipment."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from awbridge.cli import output
from awbridge.cli.orders.shipment_rows import SHIPMENT, ShipmentResults, in_api
from awbridge.cli.output import Form, form_options
from awbridge.cli.shared import fail, on_settings, operator
from awbridge.clickpost.orders.edits import read_value
from awbridge.clickpost.orders.payload import payload_differences
from awbridge.domain.json import JsonObject, read_order_json
from awbridge.steps.orders import amend, settle
from awbridge.steps.orders.amend import Edit, Preview
from awbridge.steps.runtime.clock import utc_now

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.domain.errors import FieldProblem
    from awbridge.store import Store
    from awbridge.store.orders.payload_versions import PayloadVersion

_set_option = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="PATH=VALUE",
    help="Set a field, e.g. shipment_details.weight=500. Repeatable.",
)
_PREVIEW = ("differences", "problems", "obstacle", "warnings")
_file_option = click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A JSON file with the whole payload."
)


def _leaves(value: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """The fields of a payload with their paths, as --set names them."""
    if isinstance(value, dict):
        for name, inner in cast("JsonObject", value).items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, inner in enumerate(cast("list[Any]", value)):
            yield from _leaves(inner, f"{path}.{number}")
    else:
        yield {"path": path, "value": value}


def _order_in(file: Path | None) -> JsonObject | None:
    if file is None:
        return None
    try:
        order = read_order_json(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        fail(f"{file}: not a JSON file: {error}")
    if not isinstance(order, dict):
        fail(f"{file}: must hold one JSON object, a create-order payload")
    return cast("JsonObject", order)


async def _edit(store: Store, reference: str, file: Path | None, version: int | None, sets: tuple[str, ...]) -> Edit:
    """The edit that the options request; values are read with the type of the current value."""
    begun = Edit(order=_order_in(file), version=version)
    base = await amend.payload_of(store=store, reference_number=reference, edit=begun)
    fields: dict[str, Any] = {}
    for given in sets:
        path, equals, text = given.partition("=")
        if not equals or not path:
            fail(f"--set {given}: write PATH=VALUE, for example shipment_details.weight=500")
        fields[path] = read_value(base, path, text)
    return Edit(order=begun.order, version=version, fields=fields)


@click.command("payload")
@click.argument("reference_number")
@click.option("--version", type=click.IntRange(1), help="An earlier payload: show it, or begin the edit with it.")
@click.option("--history", is_flag=True, help="List every payload that it had, with the differences.")
@_set_option
@_file_option
@click.option("--push", is_flag=True, help="Make the change and push the shipment again. Without: only show it.")
@click.option("--reason", default="", help="Kept with the new payload.")
@form_options
@on_settings
async def payload(
    settings: Settings,
    store: Store,
    reference_number: str,
    version: int | None,
    history: bool,
    sets: tuple[str, ...],
    file: Path | None,
    push: bool,
    reason: str,
    form: Form,
) -> None:
    """Show a shipment's payload, or edit it.

    Without --push, an edit is only shown.

    Exit code 1: ClickPost would refuse the edited payload, or the shipment's state does not allow it.

    Example: awbridge shipments payload ORDER-1001 --set shipment_details.weight=500 --push
    """
    if push and not (sets or file or version):
        fail("nothing to change: give --set, --file or --version; to push the same again: awbridge shipments retry")
    edit = await _edit(store, reference_number, file, version, sets)
    if history:
        _show_history(await amend.payloads(store=store, reference_number=reference_number), form)
    elif not (sets or file or push):
        shown = await amend.payload_of(store=store, reference_number=reference_number, edit=edit)
        if form == "csv":
            output.print_csv(("path", "value"), _leaves(shown))
        else:
            output.print_json(shown)
    elif not push:
        seen = await amend.preview(
            store=store, reference_number=reference_number, edit=edit, allocation=settings.allocation
        )
        _show_preview(seen, form)
    else:
        changed = await amend.change(
            store=store,
            clock=utc_now,
            reference_number=reference_number,
            edit=edit,
            changed_by=operator(),
            reason=reason,
            allocation=settings.allocation,
        )
        with ShipmentResults(form, settings) as results:
            results.add(changed, f"{reference_number}: {changed.state}, payload {changed.payload_version}")


@click.command("settle")
@click.argument("reference_numbers", nargs=-1, required=True)
@click.option("--not-held", is_flag=True, help="Neither ClickPost's dashboard nor the courier shows them.")
@click.option("--waybill", help="The waybill under which ClickPost or the courier holds it (one shipment).")
@click.option("--courier-partner-id", type=click.IntRange(1, 2**31 - 1), help="Who holds it, if it is another courier.")
@form_options
@on_settings
async def settle_shipments(
    settings: Settings,
    store: Store,
    reference_numbers: tuple[str, ...],
    not_held: bool,
    waybill: str | None,
    courier_partner_id: int | None,
    form: Form,
) -> None:
    """Settle shipments that may be placed: say whether ClickPost has them.

    Its dashboard shows either no order or a waybill.

    Example: awbridge shipments settle ORDER-1001 --waybill 4400000000001
    """
    if not_held == bool(waybill):
        fail("say either --not-held or --waybill")
    if waybill and len(reference_numbers) > 1:
        fail("--waybill is about one shipment")
    by = operator()
    with ShipmentResults(form, settings) as results:
        for reference in reference_numbers:
            if waybill:
                done = await settle.held_as(
                    store=store,
                    clock=utc_now,
                    reference_number=reference,
                    waybill=waybill,
                    courier_partner_id=courier_partner_id,
                    by=by,
                )
            else:
                done = await settle.not_held(store=store, clock=utc_now, reference_number=reference, by=by)
            results.add(done, f"{reference}: {done.state}")


def _show_preview(seen: Preview, form: Form) -> None:
    if form == "json":
        output.print_json(output.pick(seen, _PREVIEW))
    elif form == "csv":  # what a person looks at: each field that differs
        output.show_list(seen.differences, form=form, view=("path", "before", "after"))
    else:
        output.print_table([_as_row(output.plain(d)) for d in seen.differences], empty="no difference")
        if seen.problems:
            click.echo("\nClickPost would refuse it:")
            output.print_table([{"field": p.path, "problem": p.problem} for p in seen.problems])
        _show_warnings(seen.warnings)
        if seen.obstacle:
            click.echo(f"\n{seen.obstacle}")
    if seen.problems or seen.obstacle:
        sys.exit(1)
    if form == "text":
        click.echo("\nnothing written; add --push to change the payload and push the shipment again")


def _show_warnings(warnings: Sequence[FieldProblem]) -> None:
    if warnings:
        click.echo("\nwarnings")
        output.print_table([{"field": p.path, "warning": p.problem} for p in warnings])


def _as_row(difference: dict[str, Any]) -> dict[str, str]:
    return {
        name: value if name == "path" else "" if value is None else json.dumps(value, ensure_ascii=False)
        for name, value in difference.items()
    }


def _show_history(versions: list[PayloadVersion], form: Form) -> None:
    if form != "text":
        from awbridge.web.v1.views.shipments import payload_views

        output.show_list(payload_views(versions), form=form, view="shipments:PayloadView")
        return
    rows = [
        {
            "version": new.version,
            "changed_at": new.changed_at,
            "by": new.changed_by,
            "reason": new.reason,
            "differs in": ", ".join(payload_differences(old.payload, new.payload)) if old else "",
        }
        for old, new in zip([None, *versions[:-1]], versions, strict=True)
    ]
    output.print_table(rows)


@click.command("replace")
@click.argument("reference_number")
@click.option("--reference", "successor", help="The new reference number.  [default: the old one with -R2 behind it]")
@_set_option
@_file_option
@click.option("--after-cancel", is_flag=True, help="Hold the new shipment until the old one is cancelled.")
@form_options
@on_settings
async def replace(
    settings: Settings,
    store: Store,
    reference_number: str,
    successor: str | None,
    sets: tuple[str, ...],
    file: Path | None,
    after_cancel: bool,
    form: Form,
) -> None:
    """Replace a shipment that ClickPost holds, and cancel the old one.

    It is sent under a new reference number.

    Example: awbridge shipments replace ORDER-1001 --set drop_info.drop_pincode=560002 --after-cancel
    """
    result = await amend.replace(
        store=store,
        clock=utc_now,
        reference_number=reference_number,
        edit=await _edit(store, reference_number, file, None, sets),
        successor=successor,
        after_cancel=after_cancel,
        allocation=settings.allocation,
    )
    new = result.shipment
    if form != "text":
        warnings = [{"path": p.path, "warning": p.problem} for p in result.warnings]
        more = {"created": result.created, "warnings": warnings}
        [shown] = in_api(settings, [new])
        output.show_one(shown, form=form, view=SHIPMENT, more=more)
        return
    until = f" until {new.waits_for} is cancelled" if new.waits_for else ""
    click.echo(f"{reference_number} is replaced by {new.reference_number}: {new.state}{until}")
    _show_warnings(result.warnings)
