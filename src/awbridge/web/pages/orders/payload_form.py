"""A payload as the fields of a form, and a submitted form as an edit of the payload. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from awbridge.clickpost.orders.edits import read_value
from awbridge.domain.errors import FieldProblem
from awbridge.domain.json import JsonObject

PREFIX = "f:"  # of the names of payload fields in the form
_NAME = re.compile(r"[^.\[\]]+")
_PATH = re.compile(r"[^.\[\]]+(\[\d{1,4}\])*(\.[^.\[\]]+(\[\d{1,4}\])*)*")
_NEW = ("new_path", "new_value")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """A field: its path in the payload, its text, and what is wrong with it ("" if nothing is)."""

    path: str
    text: str
    problem: str = ""
    changed: bool = False

    @property
    def name(self) -> str:
        """Its name in the form."""
        return PREFIX + self.path

    @property
    def has_lines(self) -> bool:
        """Whether it has several lines, which only a text area keeps."""
        return "\n" in self.text

    @property
    def label(self) -> str:
        """Its path within its section."""
        return self.path.partition(".")[2] or self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The fields of one section of the payload."""

    title: str
    fields: Sequence[FormField]


def text_of(value: Any) -> str:
    """A value as a person edits it: with line breaks as a form sends them, and without what no form can send."""
    if isinstance(value, str):
        plain = value.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
        return plain.encode(errors="replace").decode()
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every editable value of a payload with its path. Names with dots or brackets have no path and are left out."""
    if isinstance(value, dict) and value:
        for name, inner in cast("JsonObject", value).items():
            if _NAME.fullmatch(name):
                yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(cast("list[Any]", value)):
            yield from leaves(inner, f"{path}[{index}]")
    elif path:
        yield path, value


def sections(payload: JsonObject, problems: Sequence[FieldProblem], typed: Mapping[str, str]) -> list[Section]:
    """The form of a payload, with the texts that were `typed` so far (by path) and the problems of each field.

    A field that the payload lacks but a problem names gets an empty input. Problems without a field of their own are
    left to the page.
    """
    by_path: dict[str, list[str]] = {}
    for problem in problems:
        by_path.setdefault(problem.path, []).append(problem.problem)
    texts = {path: text_of(value) for path, value in leaves(payload)}
    missing = {path: "" for path in (*by_path, *typed) if path not in texts and _PATH.fullmatch(path)}
    found: dict[str, list[FormField]] = {}
    for path, text in (texts | missing).items():
        shown = typed.get(path, text)
        field = FormField(path=path, text=shown, problem="; ".join(by_path.get(path, ())), changed=shown != text)
        found.setdefault(re.split(r"[.\[]", path, maxsplit=1)[0] if "." in path or "[" in path else "", []).append(
            field
        )
    return [Section(title=title or "order", fields=fields) for title, fields in found.items()]


def without_place(problems: Sequence[FieldProblem]) -> list[FieldProblem]:
    """The problems that no field of the form can show."""
    return [problem for problem in problems if not _PATH.fullmatch(problem.path)]


def typed_fields(form: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The texts of a submitted form by path, added fields included."""
    typed = {name.removeprefix(PREFIX): value for name, value in form if name.startswith(PREFIX)}
    added = [[value for name, value in form if name == wanted] for wanted in _NEW]
    return typed | {path.strip(): value for path, value in zip(*added, strict=False) if path.strip()}


def edited_fields(payload: JsonObject, typed: Mapping[str, str]) -> dict[str, Any]:
    """The fields that a form changes, by path, each with the type of the present value."""
    return {path: read_value(payload, path, typed[path].strip()) for path in changed_paths(payload, typed)}


def changed_paths(payload: JsonObject, typed: Mapping[str, str]) -> list[str]:
    """The paths of the fields in which a form differs from the payload."""
    present = {path: text_of(value) for path, value in leaves(payload)}
    return [path for path, text in typed.items() if text.strip() != present.get(path, "").strip()]
