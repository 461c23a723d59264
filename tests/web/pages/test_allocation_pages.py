"""The pages of allocation rules: what is in force, which rule takes an order, and the editor."""

from __future__ import annotations

import html
import re

import pytest

from awbridge.domain.couriers.allocation import RULE_FIELDS, Rule, read_rules
from awbridge.store.couriers import couriers, rules
from awbridge.store.couriers.couriers import CourierAccount
from tests.support.app import Web
from tests.support.pages import open_page, send_form
from tests.support.rows import T0, add
from tests.support.world import an_order

EDIT = "/allocation/edit"
RULES = [
    {"name": "south", "transporter": "slow", "drop_pincode": "56 57"},
    {"name": "heavy", "transporter": "off", "weight_from": "1000"},
    {"name": "cod", "transporter": "fast", "order_type": "COD", "value_to": "20000"},
    {"name": "<b>rest", "transporter": "fast"},
]


async def configured(web: Web) -> None:
    accounts = [
        CourierAccount(transporter=name, courier_partner_id=4, account_code=name, active=name != "off")
        for name in ("fast", "slow", "off")
    ]
    async with web.store.write() as session:
        await couriers.put(session, accounts, now=T0)
        await rules.replace(session, read_rules(RULES, ["fast", "slow", "off"]), now=T0)


async def in_force(web: Web) -> list[Rule]:
    async with web.store.read() as session:
        return await rules.every(session)


def form_of(shown: str) -> list[tuple[str, str]]:
    """The fields of the editor, as a browser would send them."""
    fields = re.findall(r'<input (?:type="hidden" )?(?:id="[^"]*" )?name="([^"]+)" value="([^"]*)"', shown)
    for name, options in re.findall(r'<select id="[^"]*" name="([^"]+)">(.*?)</select>', shown, re.DOTALL):
        chosen = re.search(r"<option selected>([^<]*)<", options)
        fields.append((name, chosen[1] if chosen else ""))
    return [
        (name, html.unescape(value))
        for name, value in fields
        if name == "mark" or name.rpartition("-")[0] in RULE_FIELDS
    ]


async def test_the_rules_are_shown_in_words(web: Web) -> None:
    assert "No rules" in await open_page(web, "/allocation")
    await configured(web)
    shown = await open_page(web, "/allocation")
    for text in (
        "drop pincode starts with 56, 57",
        "weight from 1000 g",
        "payment: COD",
        "value up to 20000",
        "&lt;b&gt;rest",
    ):
        assert text in shown, text
    assert "switched off" in shown


async def test_an_order_shows_which_rule_takes_it_and_why_others_do_not(web: Web) -> None:
    await configured(web)
    shown = await open_page(web, "/allocation?drop_pincode=560001&weight=500&value=500")
    assert "The rule south gives this order to slow." in shown
    assert "fits, but a rule before it takes it" in shown
    shown = await open_page(web, "/allocation?drop_pincode=400001&weight=2000&value=500&order_type=COD")
    assert "The rule cod gives this order to fast." in shown
    assert "transporter switched off" in shown
    await add(web.store, "R-1", payload=an_order("R-1", order_type="COD"))
    assert "The rule cod gives this order to fast." in await open_page(web, "/allocation?reference=R-1")


async def test_an_order_that_no_rule_takes_or_that_cannot_be_read(web: Web) -> None:
    assert "No rule takes this order: it is refused." in await open_page(web, "/allocation?drop_pincode=1")
    for query in ("reference=NOPE", "drop_pincode=1&weight=x", "drop_pincode=1&value=-1"):
        answer = await web.http.get(f"/allocation?{query}")
        assert answer.status_code == 422, query
        assert 'role="alert"' in answer.text


async def test_rules_are_moved_deleted_and_added_in_the_form_before_they_are_saved(web: Web) -> None:
    await configured(web)
    fields = form_of(await open_page(web, EDIT))
    for button in ("up-3", "delete-0", "add"):
        fields = form_of(await send_form(web, EDIT, [*fields, ("do", button)]))
    new = {"name-3": "new", "transporter-3": "slow", "region-3": "world"}
    fields = [(name, new.get(name, value)) for name, value in fields]
    checked = await send_form(web, EDIT, [*fields, ("do", "check")])
    assert [rule.name for rule in await in_force(web)] == ["south", "heavy", "cod", "<b>rest"], "nothing is saved yet"
    for text in (">removed<", ">added<", ">moved<", "Save all rules"):
        assert text in checked, text
    await send_form(web, EDIT, [*form_of(checked), ("do", "save")], status=303)
    assert [rule.name for rule in await in_force(web)] == ["heavy", "<b>rest", "cod", "new"]
    assert "Saved: 4 rules are in force." in await open_page(web, "/allocation?saved=4")


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"weight_to-1": "5"}, "weight_to-1", "weight_from is above weight_to: no parcel matches"),
        ({"value_from-2": "much"}, "value_from-2", "value_from must be a number of 0 or more"),
        ({"drop_pincode-0": "56*"}, "drop_pincode-0", "drop_pincode holds prefixes of pincodes"),
        ({"name-1": "south"}, "name-1", "the name &#39;south&#39; is used twice"),
        ({"name-3": ""}, "name-3", "name is required"),
        ({"transporter-3": "gone"}, "transporter-3", "transporter &#39;gone&#39; is not known"),
        ({"region-3": "moon"}, "region-3", "region must be one of"),
    ],
)
async def test_a_wrong_field_of_a_rule_is_marked_and_nothing_is_saved(
    web: Web, changes: dict[str, str], field: str, problem: str
) -> None:
    await configured(web)
    fields = form_of(await open_page(web, EDIT))
    wrong = [(name, changes.get(name, value)) for name, value in fields]
    for press in ("check", "save"):
        shown = await send_form(web, EDIT, [*wrong, ("do", press)], status=422)
        assert f'aria-describedby="{field}-problem"' in shown
        assert f'id="{field}-problem" role="alert">{problem}' in shown
        assert f"Rule {int(field[-1]) + 1} is not valid yet." in shown
    assert len(await in_force(web)) == 4


async def test_empty_rules_are_left_out_and_do_not_shift_what_is_wrong(web: Web) -> None:
    await configured(web)
    fields = form_of(await open_page(web, EDIT))
    emptied = [(name, "" if name.endswith("-0") else "x" if name == "weight_to-1" else value) for name, value in fields]
    shown = await send_form(web, EDIT, [*emptied, ("do", "check")], status=422)
    assert "Rule 2 is not valid yet." in shown
    assert 'id="weight_to-1-problem"' in shown


async def test_a_form_of_too_many_rules_is_refused_and_loses_none(web: Web) -> None:
    await configured(web)
    too_many = [(f"name-{n}", "x") for n in range(301)]
    shown = await send_form(web, EDIT, [*too_many, ("do", "check")], status=422)
    assert "at most 300 rules" in shown
    assert 'name="name-300" value="x"' in shown, "no rule is lost"
    assert len(await in_force(web)) == 4


async def test_rules_that_were_changed_meanwhile_are_not_overwritten(web: Web) -> None:
    await configured(web)
    fields = form_of(await open_page(web, EDIT))
    async with web.store.write() as session:
        await rules.replace(session, read_rules(RULES[:1], ["slow"]), now=T0)
    shown = await send_form(web, EDIT, [*fields, ("do", "save")], status=409)
    assert "Somebody changed the rules meanwhile" in shown
    assert [rule.name for rule in await in_force(web)] == ["south"]
    await send_form(web, EDIT, [*form_of(shown), ("do", "save")], status=303)
    assert len(await in_force(web)) == 4
