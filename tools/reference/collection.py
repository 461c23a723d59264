"""docs/reference/awbridge.postman_collection.json: every operation as a request, for Postman, Bruno and newman.

Format: Postman Collection 2.1. Bodies are the examples of /openapi.json, else the least that its schemas require. Each
request checks that its answer has a described status; one with a full example, or without a path parameter, that it
succeeds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from tools.reference.markdown import FOLDER, ROOT
from tools.reference.schemas import Schema, name_of

from awbridge.web.api_app import described_app

PAGE = ROOT / FOLDER / "awbridge.postman_collection.json"
FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
ABOUT = (
    "Every operation of awbridge's API. Set the variables `url` and `key` of the collection: the address of the "
    "service, and an API key (empty where none is needed). Made from /openapi.json."
)
VARIABLES = {"url": "http://127.0.0.1:8000", "key": "", "reference_number": "ORDER-2001"}
_FIRST = "shipments"  # the folder that comes first


def page() -> str:
    """The collection as JSON."""
    described: Schema = described_app().openapi()
    folders: dict[str, list[Any]] = {_FIRST: []}
    for path, operations in sorted(described["paths"].items(), key=lambda found: "{" in found[0]):
        for method, operation in operations.items():
            folders.setdefault(operation["tags"][0], []).extend(_requests(path, method, operation, described))
    collection = {
        "info": {"name": "awbridge", "description": ABOUT, "schema": FORMAT},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{key}}", "type": "string"}]},
        "variable": [{"key": name, "value": value} for name, value in VARIABLES.items()],
        "item": [{"name": tag, "item": requests} for tag, requests in folders.items()],
    }
    return json.dumps(collection, indent=2, ensure_ascii=False) + "\n"


def _requests(path: str, method: str, operation: Schema, described: Schema) -> Iterator[Any]:
    """The requests of an operation: one, or one for each example of its body."""
    name = str(operation.get("summary") or path)
    (kind, content), *_ = [*operation.get("requestBody", {}).get("content", {}).items(), ("", {})]
    examples: Mapping[str, Any] = content.get("examples", {}) if method == "post" else {}
    for example in examples.values():
        value = _with_variable(example["value"])
        yield _request(f"{name}: {example['summary']}", path, method, operation, (kind, value), sure=True)
    if not examples:
        least = _least(content.get("schema", {}), described["components"]["schemas"]) if kind else None
        sure = method == "get" and "{" not in path
        yield _request(name, path, method, operation, (kind, least), sure=sure)


def _request(
    name: str, path: str, method: str, operation: Schema, body: tuple[str, Any], *, sure: bool
) -> dict[str, Any]:
    statuses = [int(status) for status in operation["responses"] if not sure or status.startswith("2")]
    parameters: list[Schema] = operation.get("parameters", [])
    request: dict[str, Any] = {
        "method": method.upper(),
        "header": [],
        "url": {
            "raw": "{{url}}" + re.sub(r"\{(\w+)\}", r":\1", path),
            "host": ["{{url}}"],
            "path": [re.sub(r"\{(\w+)\}", r":\1", part) for part in path.strip("/").split("/")],
            "query": [_query(parameter) for parameter in parameters if parameter["in"] == "query"],
            "variable": [_variable(parameter) for parameter in parameters if parameter["in"] == "path"],
        },
        "description": str(operation.get("description", "")),
    }
    kind, value = body
    if kind == "application/json":
        request["header"] = [{"key": "Content-Type", "value": kind}]
        raw = json.dumps(value, indent=2, ensure_ascii=False)
        request["body"] = {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
    expected = f"pm.expect(pm.response.code).to.be.oneOf({json.dumps(statuses)});"
    script = ["pm.test('the status is as described', () => {", f"  {expected}", "});"]
    return {"name": name, "request": request, "event": [{"listen": "test", "script": {"exec": script}}]}


def _with_variable(example: Any) -> Any:
    """An example under the collection's variable, where it has that reference number: other requests name it."""
    text, reference = json.dumps(example), json.dumps(VARIABLES["reference_number"])
    return json.loads(text.replace(reference, '"{{reference_number}}"'))


def _query(parameter: Schema) -> dict[str, Any]:
    """A query parameter, switched off unless it is required."""
    text, needed = str(parameter.get("description", "")), bool(parameter.get("required"))
    value = _least(parameter["schema"], {}) if needed else parameter["schema"].get("default", "")
    shown = value if isinstance(value, str) else json.dumps(value)
    # The clients send a query as it is written: a plus sign would be read as a space.
    return {"key": parameter["name"], "value": quote(shown, safe=":"), "description": text, "disabled": not needed}


def _variable(parameter: Schema) -> dict[str, str]:
    name = str(parameter["name"])
    return {"key": name, "value": f"{{{{{name}}}}}" if name in VARIABLES else "1"}


def _least(schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    """The least value that a schema allows: required fields only, each with its example, default or an empty value."""
    if name := name_of(schema):
        return _least(schemas[name], schemas)
    if "const" in schema:
        return schema["const"]
    for given in ("examples", "enum"):
        if given in schema:
            return schema[given][0]
    if "default" in schema:
        return schema["default"]
    for joined in ("anyOf", "oneOf", "allOf"):
        if joined in schema:
            return _least(schema[joined][0], schemas)
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return {name: _least(schema["properties"][name], schemas) for name in schema.get("required", ())}
    if kind == "array":
        return [_least(schema.get("items", {}), schemas)] if schema.get("minItems") else []
    return {"integer": schema.get("minimum", 1), "number": 1, "boolean": True}.get(str(kind), "")
