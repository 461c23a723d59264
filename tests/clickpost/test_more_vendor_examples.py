"""Answers that nobody here made up: the examples of the vendor's own OpenAPI files, where they are at hand.

AWBRIDGE_VENDOR_OPENAPI names a folder of `*.openapi.json` files. Without it only our own answers are walked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from awbridge.clickpost.wire import Reply
from awbridge.domain.call import Call
from awbridge.domain.errors import VendorError
from tests.clickpost.conftest import Vendor
from tests.clickpost.test_more_calls import CASES, Case, asking

FOLDER = os.environ.get("AWBRIDGE_VENDOR_OPENAPI", "")
NOT_THERE = {404: "pincode_details"}  # a code that one call takes for "no such thing"
KNOWN_BEFORE = {303: "register_waybill"}
IN_NO_FILE = {"register_service"}


@dataclass(frozen=True)
class Example:
    """One documented answer, or one of our own."""

    case: Case
    title: str
    http_status: int
    body: Any
    needed: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.case.method} {self.case.path} {self.http_status} {self.title}"


def own_examples() -> list[Example]:
    return [Example(case, "ours", 200, case.reply) for case in CASES]


def vendor_examples() -> Iterator[Example]:
    for file in sorted(Path(FOLDER).glob("*.openapi.json")) if FOLDER else []:
        for path, operations in json.loads(file.read_text(encoding="utf-8"))["paths"].items():
            for method, operation in operations.items():
                for case in CASES:
                    if case.method == method.upper() and _same(case.path, path):
                        yield from _of_operation(case, operation)


def _same(ours: str, theirs: str) -> bool:
    return ours.removeprefix("/api").strip("/") == theirs.removeprefix("/api").strip("/?")


def _of_operation(case: Case, operation: Any) -> Iterator[Example]:
    parameters = operation.get("parameters", [])
    needed = frozenset(entry["name"] for entry in parameters if entry["in"] == "query" and entry.get("required"))
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values():
            for title, example in content.get("examples", {}).items():
                value = example.get("value")
                try:
                    body = json.loads(value) if isinstance(value, str) else value
                except ValueError:
                    body = value.encode()  # the vendor's slip: then it is a body that is no JSON
                yield Example(case, title, int(status), body, needed)


def succeeds(example: Example) -> bool:
    code = Reply(http_status=example.http_status, body=example.body).business_status
    if example.http_status != 200 or isinstance(example.body, bytes):
        return False
    if KNOWN_BEFORE.get(code or 0) == example.case.name or code in (200, 323):
        return True
    bare = {"ndr_feedback": "result", "login": "token"}.get(example.case.name)
    return code is None and bool(bare) and bare in example.body


async def walk(example: Example, kind: str, vendor: Vendor) -> None:
    case, calls = example.case, list[Call]()
    vendor.say(example.body, status=example.http_status)
    code = Reply(http_status=example.http_status, body=example.body).business_status
    async with asking(kind, vendor, calls) as ask:
        if succeeds(example):
            answer = await ask(case.name, *case.args, **case.kwargs)
            assert answer.raw == example.body
        elif NOT_THERE.get(code or 0) == case.name:
            assert await ask(case.name, *case.args, **case.kwargs) is None
        else:
            with pytest.raises(VendorError):
                await ask(case.name, *case.args, **case.kwargs)
    seen = vendor.seen[-1]
    assert example.needed <= set(seen.query)


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_our_own_answers_are_read(kind: str, vendor: Vendor) -> None:
    for example in own_examples():
        await walk(example, kind, vendor)


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_the_vendors_examples_are_read(kind: str, vendor: Vendor) -> None:
    """Without the folder there is nothing to walk, and the test above is the one that counts."""
    examples = list(vendor_examples())
    covered = {(example.case.method, example.case.path) for example in examples}
    documented = {(case.method, case.path) for case in CASES if case.name not in IN_NO_FILE}
    assert covered == (documented if FOLDER else set())
    for example in examples:
        await walk(example, kind, vendor)
