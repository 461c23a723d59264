"""Every response example of the vendor's own OpenAPI files, through both clients.

The files are not part of this repository; without them these tests are skipped. Our own answers, in fixtures/, cover
the same calls and are always tested.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from awbridge.clickpost.wire.answer_codes import AnswerKind, classify
from awbridge.clickpost.wire.lenient_json import Reply, as_object
from awbridge.domain.call import Call
from awbridge.domain.errors import VendorError
from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import Region
from tests.clickpost.client.test_more_calls import CASES, Ask, Case, asking
from tests.clickpost.conftest import Vendor
from tests.support import vendor_files
from tests.support.vendor_files import Example

pytestmark = pytest.mark.heavy

NOT_THERE = {404: "pincode_details"}  # a code that one call takes for "no such thing"
KNOWN_BEFORE = {303: "register_waybill"}
WITHOUT_STATUS = {"ndr_feedback": "result", "login": "token"}  # the field that shows success in place of a status
IN_NO_FILE = {"register_service", "unregister_waybill"}
START = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
HOSTS = {"clickpost": "/main", "tracking": "/tracking", "serviceability": "/serviceability", "edd": "/edd"}


@dataclass(frozen=True)
class VendorAnswer:
    """An answer, as the vendor gives it and as a client reads it."""

    http_status: int
    body: Any
    raw: Any  # the parsed bytes; None if they are not JSON

    @property
    def reply(self) -> Reply:
        return Reply(http_status=self.http_status, body=self.raw)

    @property
    def kind(self) -> AnswerKind:
        return classify(self.http_status, self.reply.business_status, is_json=self.reply.is_json)


def vendor_answer(example: Example) -> VendorAnswer:
    body = example.body if example.valid else example.text.encode()
    return VendorAnswer(example.http_status or 200, body, example.body)


async def walk_case(case: Case, answer: VendorAnswer, ask: Ask) -> None:
    """The calls that raise, all of one kind: an answer with `raw`, or VendorError."""
    code = answer.reply.business_status
    field = WITHOUT_STATUS.get(case.name)
    succeeded = code is None and field is not None and field in as_object(answer.raw)
    known = KNOWN_BEFORE.get(code or 0) == case.name
    if answer.http_status == 200 and (answer.kind is AnswerKind.SUCCESS or succeeded or known):
        assert (await ask(case.name, *case.args, **case.kwargs)).raw == answer.raw
    elif NOT_THERE.get(code or 0) == case.name:
        assert await ask(case.name, *case.args, **case.kwargs) is None
    else:
        with pytest.raises(VendorError) as error:
            await ask(case.name, *case.args, **case.kwargs)
        assert error.value.kind == answer.kind.value
        assert error.value.advice


def waybills_in(value: Any) -> set[str]:
    """Every waybill anywhere in a body."""
    if isinstance(value, dict):
        here = {str(value["waybill"])} if value.get("waybill") else set()
        return here.union(*(waybills_in(inner) for inner in value.values()))
    return set().union(*(waybills_in(inner) for inner in value)) if isinstance(value, list) else set()


async def walk_order(region: Region, answer: VendorAnswer, ask: Ask) -> None:
    reference = as_object(answer.reply.result).get("reference_number", "R-1")
    found = await ask("create_order", {"shipment_details": {"reference_number": reference}}, region=region)
    if answer.kind is AnswerKind.SUCCESS:
        assert isinstance(found.outcome, Placed)
        assert {found.outcome.waybill, *found.outcome.children} == waybills_in(answer.raw)
        assert found.outcome.already == (answer.reply.business_status == 323)
    else:
        assert found.kind == answer.kind.value
        assert found.advice


async def walk_fetched(region: Region, answer: VendorAnswer, ask: Ask) -> None:
    if answer.raw is None:  # not JSON
        with pytest.raises(VendorError, match="not JSON"):
            await ask("fetch_order", "AW1", 4, region=region)
        return
    found = await ask("fetch_order", "AW1", 4, region=region)
    assert ({found.waybill, *found.children} if found else set()) == waybills_in(answer.raw)


async def walk_cancelled(answer: VendorAnswer, ask: Ask) -> None:
    found = await ask("cancel_order", "AW1", 4, "main")
    code = answer.reply.business_status
    assert found.cancelled == (code in (200, 600))
    assert found.misconfigured == (code == 351)
    assert bool(found.advice) != found.cancelled


async def walk_tracked(answer: VendorAnswer, ask: Ask) -> None:
    found = await ask("track_order", ["AW1"], 4)
    assert {item["waybill"] for item in found.items} == set(as_object(answer.raw["result"]))


async def walk_updated(answer: VendorAnswer, ask: Ask) -> None:
    pages = ask("updated_order", START, START + timedelta(minutes=10))
    pages = pages if hasattr(pages, "__aiter__") else await pages
    items = [page.items async for page in pages] if hasattr(pages, "__aiter__") else [page.items for page in pages]
    assert items == [answer.raw["result"]]


async def walk_accounts(answer: VendorAnswer, ask: Ask) -> None:
    if answer.kind is AnswerKind.SUCCESS:
        found = await ask("fetch_accounts")
        assert len(found) == len(answer.raw["result"]["accounts"]) > 0
        return
    with pytest.raises(VendorError):
        await ask("fetch_accounts")


Walk = Callable[[VendorAnswer, Ask], Awaitable[None]]
WALKS: dict[str, Walk] = {
    "POST /api/v3/create-order/": lambda answer, ask: walk_order(Region.INDIA, answer, ask),
    "POST /api/v4/create-order/": lambda answer, ask: walk_order(Region.WORLD, answer, ask),
    "GET /api/v3/create-order/": lambda answer, ask: walk_fetched(Region.INDIA, answer, ask),
    "GET /api/v4/create-order/": lambda answer, ask: walk_fetched(Region.WORLD, answer, ask),
    "GET /api/v1/cancel-order/": walk_cancelled,
    "GET /api/v1/fetch-accounts": walk_accounts,
    "GET /api/v1/updated-order": walk_updated,
    "GET /api/v2/track-order/": walk_tracked,
}


def cases_of(operation: vendor_files.Operation) -> list[Case]:
    return [case for case in CASES if (case.method, case.path) == (operation.method, operation.path)]


async def walk(example: Example, ask: Ask, vendor: Vendor) -> int:
    """Try every way in which a client makes this call; returns their number."""
    answer, ways = vendor_answer(example), 0
    for case in cases_of(example.operation):
        vendor.say(answer.body, status=answer.http_status)
        await walk_case(case, answer, ask)
        ways += 1
    if example.operation.name in WALKS:
        vendor.say(answer.body, status=answer.http_status)
        await WALKS[example.operation.name](answer, ask)
        ways += 1
    return ways


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_our_own_answers_are_read(kind: str, vendor: Vendor) -> None:
    async with asking(kind, vendor, []) as ask:
        for case in CASES:
            vendor.say(case.reply)
            await walk_case(case, VendorAnswer(200, case.reply, case.reply), ask)


@vendor_files.needed
@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_the_vendors_answers_are_read(kind: str, vendor: Vendor) -> None:
    calls: list[Call] = []
    async with asking(kind, vendor, calls) as ask:
        for example in vendor_files.response_examples():
            assert await walk(example, ask, vendor), f"no call for {example.operation}"
            needed = {
                entry["name"]
                for entry in example.operation.raw.get("parameters", [])
                if entry["in"] == "query" and entry.get("required")
            }
            assert needed <= set(vendor.seen[-1].query), example
    assert len(calls) >= 107


@vendor_files.needed
def test_the_vendors_examples_that_are_no_json_are_known_by_name() -> None:
    assert vendor_files.invalid_examples() == vendor_files.INVALID


@vendor_files.needed
def test_every_call_is_documented_in_the_vendors_files_except_those_named_here() -> None:
    documented = {(operation.method, operation.path) for operation in vendor_files.operations()}
    assert {case.name for case in CASES if (case.method, case.path) not in documented} == IN_NO_FILE


@vendor_files.needed
def test_every_operation_is_called_by_the_client() -> None:
    uncalled = [str(o) for o in vendor_files.operations() if not cases_of(o) and o.name not in WALKS]
    assert uncalled == []
