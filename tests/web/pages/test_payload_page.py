"""The page that corrects a payload: every field, what is wrong with it, a check before anything is saved."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from awbridge.domain.errors import FieldProblem
from awbridge.domain.orders.shipment import State
from awbridge.web.pages.orders.payload_form import (
    PREFIX,
    edited_fields,
    leaves,
    sections,
    text_of,
    typed_fields,
    without_place,
)
from tests.support.app import Web
from tests.support.pages import HERE, OUR_FORM, open_page, send_form
from tests.support.rows import place, sql
from tests.support.world import an_order, get

PINCODE = "drop_info.drop_pincode"


def form_of(shown: str) -> dict[str, str]:
    """The fields of a page's form with their present values."""
    found = re.findall(r'<input (?:type="hidden" |id="[^"]*" )name="([^"]+)"(?: value="([^"]*)")?', shown)
    return {html.unescape(name): html.unescape(value) for name, value in found if name != "q"}


async def rejected(web: Web, reference: str = "R/1") -> None:
    answer = await web.http.post("/v1/shipments", json=an_order(reference))
    assert answer.status_code == 202, answer.text
    async with web.store.write() as session:
        await session.execute(sql("UPDATE shipments SET state = 'rejected', problem = 'Invalid pincode'"))


async def opened(web: Web, reference: str = "R%2F1") -> str:
    return await open_page(web, f"/payload/{reference}")


async def submitted(web: Web, form: dict[str, str], step: str, *, status: int = 200) -> str:
    return await send_form(web, "/payload/R%2F1", {**form, "step": step}, status=status)


async def test_a_rejected_order_is_found_corrected_checked_and_pushed_again(web: Web) -> None:
    await rejected(web)
    shown = await opened(web)
    assert "ClickPost said: Invalid pincode" in shown
    form = form_of(shown)
    assert form[PREFIX + PINCODE] == an_order("R/1")["drop_info"]["drop_pincode"]
    form |= {PREFIX + PINCODE: "560001", "reason": "customer called"}
    checked = await submitted(web, form, "check")
    assert "This will change" in checked
    assert "Save and push again" in checked
    assert (await get(web.store, "R/1")).state is State.REJECTED, "nothing is saved yet"
    assert form_of(checked)["reason"] == "customer called"
    await submitted(web, form_of(checked), "push", status=303)
    after = await get(web.store, "R/1")
    assert (after.state, after.payload_version) == (State.READY, 2)
    assert after.payload["drop_info"]["drop_pincode"] == "560001"
    timeline = (await web.http.get("/shipments/R%2F1", headers=HERE)).text
    assert "By page: drop_info.drop_pincode. Reason: customer called" in timeline


async def test_an_invalid_value_is_named_at_its_field_and_never_saved(web: Web) -> None:
    await rejected(web)
    form = form_of(await opened(web)) | {PREFIX + PINCODE: "56"}
    for step in ("check", "push"):
        shown = await submitted(web, form, step, status=422)
        assert "Not saved" in shown
        assert "Save and push again" not in shown
        assert re.search(rf'name="f:{PINCODE}" value="56" aria-invalid="true"', shown)
    assert (await get(web.store, "R/1")).payload_version == 1


async def test_a_field_may_be_added_and_an_unknown_place_is_refused(web: Web) -> None:
    await rejected(web)
    form = form_of(await opened(web))
    added = await submitted(web, form | {"new_path": "additional.remark", "new_value": "fragile"}, "check")
    assert "additional.remark" in added
    assert "This will change" in added
    refused = await submitted(
        web, form | {"new_path": "shipment_details.weight.x", "new_value": "1"}, "check", status=422
    )
    assert "there is no such place in the payload" in refused


async def test_a_form_of_an_older_payload_changes_nothing(web: Web) -> None:
    await rejected(web)
    old = form_of(await opened(web)) | {PREFIX + PINCODE: "560001"}
    await submitted(web, old, "push", status=303)
    shown = await submitted(web, old | {PREFIX + PINCODE: "560002"}, "push", status=409)
    assert "changed meanwhile, to version 2" in shown
    assert form_of(shown)[PREFIX + PINCODE] == "560002", "what was typed is kept"
    await submitted(web, form_of(shown), "check")
    assert (await get(web.store, "R/1")).payload["drop_info"]["drop_pincode"] == "560001"


async def test_what_clickpost_holds_cannot_be_changed(web: Web) -> None:
    await rejected(web)
    await place(web.store, "R/1", "AWB1")
    form = form_of(await opened(web)) | {PREFIX + PINCODE: "560001"}
    shown = await submitted(web, form, "push")
    assert "Save and push again" not in shown
    assert 'role="alert"' in shown
    assert (await get(web.store, "R/1")).payload_version == 1


async def test_foreign_and_damaged_forms_are_refused(web: Web) -> None:
    await rejected(web)
    assert (await web.http.get("/payload/none", headers=HERE)).status_code == 404
    await submitted(web, {"version": "1"}, "destroy", status=422)
    damaged = await web.http.post("/payload/R%2F1", headers=OUR_FORM, content=b"step=%ff")
    assert damaged.status_code == 422
    foreign = {**OUR_FORM, "sec-fetch-site": "cross-site"}
    assert (await web.http.post("/payload/R%2F1", headers=foreign, content="step=push")).status_code == 403


async def test_an_address_of_several_lines_is_kept(web: Web) -> None:
    await web.http.post(
        "/v1/shipments",
        json=an_order(
            "R/1",
        )
        | {"additional": {"remark": "first\nsecond"}},
    )
    shown = await opened(web)
    assert re.search(r'<textarea id="f:additional.remark"[^>]*>\nfirst\nsecond</textarea>', shown)
    form = form_of(shown) | {PREFIX + "additional.remark": "first\r\nsecond"}
    assert "Nothing is changed" in await submitted(web, form, "check")


async def test_hostile_values_are_escaped(web: Web) -> None:
    hostile = '"><script>alert(1)</script>'
    await rejected(web)
    form = form_of(await opened(web)) | {PREFIX + "drop_info.drop_name": hostile}
    shown = await submitted(web, form, "check")
    assert "<script" not in shown
    assert form_of(shown)[PREFIX + "drop_info.drop_name"] == hostile


_NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters=".[]"), min_size=1, max_size=5
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=8,
)


def sent(text: str) -> str:
    """What a browser sends of a field nobody touched: an input has one line, a text area several."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return lines if "\n" in text else lines.replace("\n", "")


@given(st.dictionaries(_NAMES, _VALUES, max_size=4))
@example({"address": "12 MG Road\r\nPune", "landmark": "\rgate\r", "half": "\ud83d", "nul": "a\x00b"})
def test_a_form_that_nobody_touched_changes_nothing(payload: dict[str, Any]) -> None:
    shown = [field for section in sections(payload, [], {}) for field in section.fields]
    assert all(field.has_lines or "\r" not in field.text for field in shown)
    assert edited_fields(payload, {field.path: sent(field.text) for field in shown}) == {}
    assert {field.path for field in shown} == {path for path, _ in leaves(payload)}


def test_a_value_keeps_its_type() -> None:
    payload = {"a": {"weight": 500, "pincode": "560001", "cod": None, "exchange": False}}
    typed = {"a.weight": "750", "a.pincode": "110017", "a.cod": "x", "a.exchange": "true"}
    assert edited_fields(payload, typed) == {"a.weight": 750, "a.pincode": "110017", "a.cod": "x", "a.exchange": True}


def test_a_problem_of_a_missing_field_gets_an_input() -> None:
    problems = [FieldProblem("drop_info.drop_phone", "is missing"), FieldProblem("", "is not an order")]
    [section] = sections({"drop_info": {"drop_name": "A"}}, problems, {})
    assert [(f.path, f.problem) for f in section.fields] == [
        ("drop_info.drop_name", ""),
        ("drop_info.drop_phone", "is missing"),
    ]
    assert without_place(problems) == problems[1:]


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (True, "true"), (1.5, "1.5"), ("x", "x"), ([], "[]"), ({}, "{}")]
)
def test_values_as_text(value: object, text: str) -> None:
    assert text_of(value) == text


def test_added_fields_without_a_path_are_ignored() -> None:
    form = [("new_path", " "), ("new_value", "x"), ("new_path", "a.b"), ("new_value", "y")]
    assert typed_fields(form) == {"a.b": "y"}
