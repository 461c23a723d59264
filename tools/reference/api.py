"""docs/reference/api.md: every operation of the API and every object that it takes or returns, from /openapi.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tools.reference.markdown import NOT_RUN, ROOT, code, linked, table
from tools.reference.schemas import Schema, anchor, fields, meaning, values

from awbridge.web.access.roles import least_role
from awbridge.web.api_app import described_app
from awbridge.web.described.code_samples import LANGUAGES, OPERATIONS

_PROBLEM = "application/problem+json"
SAMPLES = ROOT / "src" / "awbridge" / "web" / "described" / "samples"
_HIGHLIGHTED = {"Shell": "sh", "Python": "python", "JavaScript": "js", "PHP": "php"}
_PUBLIC = ("/healthz", "/readyz")


def page() -> str:
    """A section for each tag with its operations, then the objects."""
    described: dict[str, Any] = described_app().openapi()
    schemas: dict[str, Schema] = described["components"]["schemas"]
    by_tag: dict[str, list[tuple[str, str, Schema]]] = {}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    parts = [
        f"{described['info'].get('description', '')}\n\n",
        "## Operations\n\n",
        table(("operation", "does"), _contents(by_tag)),
    ]
    for tag, operations in by_tag.items():
        parts.append(f"## {tag[0].upper()}{tag[1:]}\n\n")
        parts += [_operation(*operation, schemas) for operation in operations]
    parts.append("## Objects\n\n")
    parts += [_object(name, schemas[name], schemas) for name in sorted(schemas)]
    return "".join(parts)


def _contents(by_tag: Mapping[str, list[tuple[str, str, Schema]]]) -> list[tuple[str, str]]:
    return [
        (f"[`{method} {path}`](#{anchor(f'{method} {path}')})", _first_sentence(operation))
        for operations in by_tag.values()
        for method, path, operation in operations
    ]


def _first_sentence(operation: Schema) -> str:
    text = " ".join(str(operation.get("description") or operation.get("summary", "")).split())
    return text.partition(". ")[0].rstrip(".") + "."


def _operation(method: str, path: str, operation: Schema, schemas: Mapping[str, Schema]) -> str:
    text = operation.get("description") or f"{operation.get('summary', '')}."
    role = "nothing: it is public" if path in _PUBLIC else f"the role {least_role(method, path)}"
    parts = [f"### `{method} {path}`\n\n{linked(text)}\n\nNeeds {role}.\n\n"]
    parts.append(table(("parameter", "in", "values", "required", "meaning"), _parameters(operation, schemas)))
    parts += _body(operation, schemas)
    parts.append(table(("status", "body", "meaning"), _answers(operation, schemas)))
    refused = [status for status, answer in operation["responses"].items() if _PROBLEM in answer.get("content", {})]
    if refused:
        parts.append(f"[Problems](errors.md): {', '.join(sorted(refused))}.\n\n")
    parts += _samples(method, path)
    return "".join(parts)


def _samples(method: str, path: str) -> Iterator[str]:
    """The code samples of an operation, as quotes of their files."""
    for name, (of_path, of_method) in OPERATIONS.items():
        if (of_path, of_method.upper()) == (path, method):
            for file, (language, label) in LANGUAGES.items():
                source = SAMPLES / name / file
                if source.is_file():
                    text = source.read_text(encoding="utf-8").rstrip("\n")
                    quoted = f"<!-- quoted from: {source.relative_to(ROOT)} -->"
                    yield f"{label}:\n\n{quoted}\n```{_HIGHLIGHTED[language]}\n{text}\n```\n\n"


def _parameters(operation: Schema, schemas: Mapping[str, Schema]) -> list[tuple[str, ...]]:
    return [
        (
            code(parameter["name"]),
            parameter["in"],
            values(parameter["schema"], schemas).removesuffix(" or null"),
            "yes" if parameter.get("required") else "",
            meaning({**parameter["schema"], "description": parameter.get("description", "")}),
        )
        for parameter in operation.get("parameters", ())
    ]


def _body(operation: Schema, schemas: Mapping[str, Schema]) -> Iterator[str]:
    body: Schema = operation.get("requestBody", {})
    for kind, content in body.get("content", {}).items():
        schema: Schema = content.get("schema", {})
        needed = "" if body.get("required") else " (may be left out)"
        described = str(schema.get("description") or body.get("description") or "")
        yield f"Body{needed}, {code(kind)}: {values(schema, schemas)}. {described}".rstrip() + "\n\n"
        yield fields(schema, schemas)
        for name, example in _examples(content):
            yield f"{name}:\n\n{NOT_RUN}\n```json\n{json.dumps(example, indent=2, ensure_ascii=False)}\n```\n\n"


def _examples(content: Schema) -> Iterator[tuple[str, Any]]:
    if "example" in content:
        yield "Example", content["example"]
    for name, example in content.get("examples", {}).items():
        yield f"Example, {example.get('summary', name)}", example.get("value")


def _answers(operation: Schema, schemas: Mapping[str, Schema]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for status, answer in operation["responses"].items():
        contents = {kind: content for kind, content in answer.get("content", {}).items() if kind != _PROBLEM}
        if contents or _PROBLEM not in answer.get("content", {}):
            shown = [_content(kind, content, schemas) for kind, content in contents.items()]
            rows.append((status, "; ".join(shown), _sentence(answer["description"])))
    return rows


def _content(kind: str, content: Schema, schemas: Mapping[str, Schema]) -> str:
    schema = content.get("schema", {})
    return values(schema, schemas) if kind == "application/json" and schema else code(kind)


def _sentence(text: str) -> str:
    return "" if text == "Successful Response" else text


def _object(name: str, schema: Schema, schemas: Mapping[str, Schema]) -> str:
    text = linked(str(schema.get("description", "")))
    head = f"### {name}\n\n" + (f"{text}\n\n" if text else "")
    shown = fields(schema, schemas)
    return head + (shown or f"Values: {values(schema, schemas)}.\n\n")
