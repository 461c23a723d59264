"""Reads the vendor's own OpenAPI files, where they are at hand: operations, and the examples of bodies in them.

They are reference data and no part of this repository. CLICKPOST_OPENAPI_DIR names their folder; else it is
`../shared/vendor` beside the repository. Only reads; nothing here knows what ClickPost means by any of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "vendor"
SUFFIX = ".openapi.json"
METHODS = ("get", "post", "put", "patch", "delete")

needed = pytest.mark.usefixtures("the_vendors_files")
"""Marks a test that reads the files. Without them it is skipped; it fails where CLICKPOST_OPENAPI_DIR is set."""

INVALID = frozenset(
    {
        "clickpost GET /api/v3/create-order/ 200 MPS Response",
        "clickpost GET /api/v4/create-order/ 200 MPS Response",
        "clickpost POST /api/v2/recommendation/ 200 SUCCESS",
        "clickpost GET /api/v1/return_order_poll/ 200 SUCCESS",
        "serviceability POST /api/v3/serviceability_api/ 200 Result when Order Type is passsed as COD",
    }
)
"""The examples whose text is no JSON: slips of the vendor, named as `str(example)`. No request is among them."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path. `path` begins with a slash and includes `/api` where the server's address does."""

    file: str  # "clickpost", "edd", "serviceability", "tracking"
    method: str  # upper case
    path: str
    summary: str
    raw: dict[str, Any]

    @property
    def has_body(self) -> bool:
        """Whether a request of it carries a body, with or without an example."""
        return "requestBody" in self.raw

    @property
    def name(self) -> str:
        """Such as "POST /api/v1/edit-order/"."""
        return f"{self.method} {self.path}"

    def __str__(self) -> str:
        return f"{self.file} {self.name}"


@dataclass(frozen=True, kw_only=True)
class Example:
    """A documented body. `http_status` is None for requests; `body` is None and `valid` False where it is no JSON."""

    operation: Operation
    title: str
    http_status: int | None
    text: str
    body: Any
    valid: bool

    def __str__(self) -> str:
        status = "request" if self.http_status is None else str(self.http_status)
        return f"{self.operation} {status} {self.title}"


def named() -> str:
    """The folder that the environment names, which must hold the files; "" if it names none."""
    return os.environ.get("CLICKPOST_OPENAPI_DIR", "")


def folder() -> Path | None:
    """Where the vendor's files are; None where there are none."""
    place = Path(named()) if named() else BESIDE
    return place if place.is_dir() and any(place.glob("*" + SUFFIX)) else None


def operations() -> tuple[Operation, ...]:
    """Every operation of every file, in their order; none without a folder."""
    place = folder()
    return _read(place) if place else ()


def request_examples() -> tuple[Example, ...]:
    """Every documented request body, the invalid ones too."""
    return tuple(
        example
        for operation in operations()
        for example in _examples(operation, None, operation.raw.get("requestBody") or {})
    )


def response_examples() -> tuple[Example, ...]:
    """Every documented answer, the invalid ones too."""
    return tuple(
        example
        for operation in operations()
        for status, response in operation.raw.get("responses", {}).items()
        for example in _examples(operation, int(status), response)
    )


def invalid_examples() -> frozenset[str]:
    """The names of the examples that are not JSON, as found; `INVALID` holds the expected ones."""
    return frozenset(str(example) for example in (*request_examples(), *response_examples()) if not example.valid)


@cache
def _read(place: Path) -> tuple[Operation, ...]:
    return tuple(
        Operation(
            file=file.name.removesuffix(SUFFIX),
            method=method.upper(),
            path=_full_path(document, path),
            summary=raw.get("summary", ""),
            raw=raw,
        )
        for file in sorted(place.glob("*" + SUFFIX))
        for document in [json.loads(file.read_text(encoding="utf-8"))]
        for path, methods in document["paths"].items()
        for method, raw in methods.items()
        if method in METHODS
    )


def _full_path(document: Any, path: str) -> str:
    """The path as it is called: the server's address may end in a part of it, and a stray "?" is cut off."""
    server = document["servers"][0]["url"].split("://", 1)[-1]
    return "/" + "/".join([*server.strip("/").split("/")[1:], path.lstrip("/")]).removesuffix("?")


def _examples(operation: Operation, status: int | None, holder: Any) -> Iterator[Example]:
    for content in holder.get("content", {}).values():
        for title, example in content.get("examples", {}).items():
            value = example.get("value")
            text = value if isinstance(value, str) else json.dumps(value)
            try:
                body, valid = json.loads(text), True
            except ValueError:
                body, valid = None, False
            yield Example(operation=operation, title=title, http_status=status, text=text, body=body, valid=valid)
