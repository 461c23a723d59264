"""`awbridge couriers rules`: which transporter takes an order that names none."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, form_options, page_options
from awbridge.cli.shared import on_store, with_store
from awbridge.clickpost.orders.parcel import parcel_of
from awbridge.domain.couriers.allocation import RULE_FIELDS, Rule, rule_fields
from awbridge.domain.errors import AwbridgeError, CellDamaged, NotValid
from awbridge.domain.orders.shipment import Region
from awbridge.steps.couriers import couriers as courier_steps
from awbridge.steps.couriers.explain_rules import RuleVerdict, explain_rules
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.couriers import rules
from awbridge.tables.cells import read_amount, read_text
from awbridge.tables.header import layout_by_names
from awbridge.tables.table import Row, Table, open_table

if TYPE_CHECKING:
    from awbridge.domain.json import JsonObject
    from awbridge.store import Store

_LAYOUT = layout_by_names({name: (name.replace("_", " "),) for name in RULE_FIELDS}, ("name", "transporter"))


@click.group("rules", cls=Group)
def rules_group() -> None:
    """Which transporter takes an order that names none. The first rule that matches decides."""


def _row(rule: Rule) -> dict[str, Any]:
    fields = rule_fields(rule)
    cells = {name: fields.get(name, "") for name in RULE_FIELDS}
    return {name: " ".join(cell) if isinstance(cell, list) else cell for name, cell in cells.items()}  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]


async def _every(store: Store) -> list[Rule]:
    async with store.read() as session:
        return await rules.every(session)


@rules_group.command("list")
@page_options(None)
@form_options
@on_store
async def list_rules(store: Store, limit: int | None, cursor: str | None, form: Form) -> None:
    """List the rules in the order in which they are tried.

    Example: awbridge couriers rules list
    """
    found = await _every(store)
    empty = "no rules: orders have to name a transporter; add some with awbridge couriers rules import"
    part, page = output.whole(found, limit=limit, cursor=cursor)
    _show(part, form, empty)
    output.print_more(page)


def _show(rules_: Sequence[Rule], form: Form, empty: str = "") -> None:
    if form == "json":  # as the API: without the conditions that a rule does not have
        output.print_json([rule_fields(rule) for rule in rules_])
    else:
        output.show_list([_row(rule) for rule in rules_], form=form, view=RULE_FIELDS, empty=empty)


@rules_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@form_options
def import_rules(file: Path, form: Form) -> None:
    """Replace all rules by those of a table, in the order of its lines; all or none.

    Example: awbridge couriers rules import rules.csv
    """
    table = open_table(file, file.name, _LAYOUT)
    rows = _read_rules(table)
    in_force = with_store(lambda store: courier_steps.put_rules(store=store, clock=utc_now, rows=rows))
    output.print_notes(file.name, table.all_notes)
    if form == "text":
        click.echo(f"{len(in_force)} rules in force")
    else:
        _show(in_force, form)


def _read_rules(table: Table) -> list[dict[str, str]]:
    """The rules of a table, all or none: a rule without one of its conditions would match too much."""
    if table.unknown_columns:
        named = ", ".join(table.unknown_columns)
        raise NotValid(f"{table.name}: there is no condition {named}; known are {', '.join(RULE_FIELDS)}")
    rows: list[dict[str, str]] = []
    for row in table.rows():
        place = f"{table.name}, {row.place}"
        if row.width_problem:
            raise NotValid(f"{place}: {row.width_problem}; nothing imported")
        try:
            rows.append({name: text for name in row.cells if (text := _cell(row, name))})
        except CellDamaged as problem:
            raise NotValid(f"{table.name}, {problem}; nothing imported") from None
    if not rows:
        raise NotValid(f"{table.name}: holds no rules, only columns; nothing changed")
    return rows


def _cell(row: Row, name: str) -> str:
    return row.read(name, read_amount if name.startswith(("weight_", "value_")) else read_text)


@rules_group.command("export")
@click.option("--to", "file", type=click.Path(dir_okay=False, path_type=Path), help="A file; else standard output.")
@form_options
@on_store
async def export_rules(store: Store, file: Path | None, form: Form) -> None:
    """Write the rules as the CSV that import accepts.

    Example: awbridge couriers rules export --to rules.csv
    """
    found = await _every(store)
    if form == "json":
        output.write_json(file, [rule_fields(rule) for rule in found])
    else:
        output.write_csv(file, RULE_FIELDS, [_row(rule) for rule in found])


@rules_group.command("test")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@form_options
def test_rules(file: Path, form: Form) -> None:
    """Show which rule the order in a JSON file matches, and why others do not take it. Nothing is stored.

    Exit code 1: no rule takes it.

    Example: awbridge couriers rules test order.json
    """
    order = _read_order(file)
    parcel = parcel_of(*order)

    async def go(store: Store) -> list[RuleVerdict]:
        async with store.read() as session:
            return await explain_rules(session, parcel)

    verdicts = with_store(go)
    rows = [
        {"rule": v.rule.name, "transporter": v.rule.transporter, "verdict": _in_words(v), "unmet": ", ".join(v.unmet)}
        for v in verdicts
    ]
    output.show_list(rows, form=form, view=("rule", "transporter", "verdict", "unmet"), empty="no rules")
    if not any(v.takes_it for v in verdicts):
        sys.exit(1)


def _in_words(verdict: RuleVerdict) -> str:
    if verdict.unmet:
        return "does not fit"
    if not verdict.usable:
        return "fits, but the transporter is switched off"
    return "takes it" if verdict.takes_it else "fits"


def _read_order(file: Path) -> tuple[JsonObject, Region]:
    try:
        order: Any = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise AwbridgeError(f"{file.name} is not JSON: {error}") from None
    if not isinstance(order, dict):
        raise NotValid(f"{file.name}: an order is a JSON object")
    payload = {
        name: value for name, value in cast("JsonObject", order).items() if name not in ("transporter", "region")
    }
    region = cast("JsonObject", order).get("region", Region.INDIA.value)
    if region not in (Region.INDIA, Region.WORLD):
        raise NotValid(f"{file.name}: region must be india or world")
    from awbridge.clickpost.orders.create import unallocated_shipment

    return unallocated_shipment(payload, region=Region(region)).payload, Region(region)
