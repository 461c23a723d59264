"""The pages of docs/reference/ that are made from the code are current, and what they are made of is complete."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from tools.reference import commands, pages
from tools.reference.event_examples import examples
from tools.reference.events import DATA, rows_of
from tools.reference.markdown import MARK, linked, table
from tools.reference.schemas import anchor, fields, values

from awbridge.cli import main
from awbridge.domain.notify.events import EventKind
from awbridge.web import problem_kinds
from awbridge.web.monitoring import metric_list
from awbridge.web.monitoring.metric_list import METRICS, Listed
from awbridge.web.problem_kinds import PROBLEMS, ProblemKind

pytestmark = pytest.mark.heavy

_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_FILE = re.compile(r"[\w./-]+\.(json|jsonl|csv|xlsx|pdf|zip|db|whl|html)")
COMMANDS = {" ".join(path): command for path, command in commands.all_commands(main)}


@pytest.mark.parametrize("name", pages.PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    """`python -m tools.reference` writes it."""
    assert pages.path_of(name).read_text(encoding="utf-8") == pages.text_of(name)


@pytest.mark.parametrize("name", pages.PAGES)
def test_no_two_headings_of_a_page_have_one_anchor(name: str) -> None:
    text = re.sub(r"^```.*?^```$", "", pages.path_of(name).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    found = Counter(anchor(heading) for heading in _HEADING.findall(text))
    assert not [heading for heading, number in found.items() if number > 1]


def test_the_text_above_the_mark_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.reference.markdown.ROOT", tmp_path)
    page = tmp_path / "docs" / "reference" / "settings.md"
    page.parent.mkdir(parents=True)
    page.write_text(f"# Settings\n\nBy hand.\n\n{MARK}\nold\n", encoding="utf-8")
    text = pages.text_of("settings")
    assert text.startswith(f"# Settings\n\nBy hand.\n\n{MARK}\n## Database\n")
    assert "\nold\n" not in text
    page.write_text("# Settings\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has no line"):
        pages.text_of("settings")


def test_a_link_from_the_root_is_made_relative_and_a_cell_stays_one_cell() -> None:
    assert linked("[a](docs/how-to/x.md#y) [b](docs/reference/z.md)") == "[a](../how-to/x.md#y) [b](z.md)"
    assert table(("a", "b", "c"), [("1|2", "", "x\ny")]) == "| a | c |\n|---|---|\n| 1\\|2 | x y |\n\n"
    assert table(("a",), []) == ""


@pytest.mark.parametrize("kind", EventKind)
def test_an_example_of_an_event_has_the_fields_that_are_described(kind: EventKind) -> None:
    body = examples()[kind]
    assert set(body) == {"type", "timestamp", "data"}
    assert msgspec.convert(body["data"], DATA[kind]) == body["data"]
    assert keys_of(body["data"]) == {row[0].strip("`").removeprefix("data.") for row in rows_of(DATA[kind])}


def keys_of(data: Mapping[str, Any], path: str = "") -> set[str]:
    """The paths of an object's fields, those of inner objects too."""
    below = (keys_of(value, f"{path}{name}.") for name, value in data.items() if isinstance(value, dict))
    return {path + name for name in data}.union(*below)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_of_a_command_is_one_that_it_accepts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = commands.words_of(commands.example_of(COMMANDS[name]))
    for word in words:
        if _FILE.fullmatch(word):
            (tmp_path / word).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / word).touch()
    path = name.split()
    assert words[: len(path)] == path
    with COMMANDS[name].make_context(name, words[len(path) :], parent=click.Context(main, info_name="awbridge")):
        pass


@pytest.mark.parametrize("name", COMMANDS)
def test_a_help_text_names_exit_codes_in_paragraphs_of_their_own(name: str) -> None:
    """`python -m tools.reference` reads them there."""
    parts = commands.paragraphs(COMMANDS[name])
    assert not [
        part
        for part in parts
        if re.search(r"exit code", part, re.IGNORECASE) and not re.match(r"Exit code \d+: ", part)
    ]


def test_every_metric_and_every_problem_is_on_its_list() -> None:
    assert {id(one) for one in vars(metric_list).values() if isinstance(one, Listed)} == set(map(id, METRICS))
    declared = {one for one in vars(problem_kinds).values() if isinstance(one, ProblemKind)}
    assert declared == set(PROBLEMS)
    assert len({kind.title for kind in PROBLEMS}) == len(PROBLEMS)
    assert all(kind.when for kind in PROBLEMS)


def test_a_schema_is_told_in_words() -> None:
    schemas = {
        "Small": {"enum": ["a", "b"]},
        "Large": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}}},
    }
    assert values({"$ref": "#/components/schemas/Small"}, schemas) == "`a`, `b`"
    assert values({"anyOf": [{"$ref": "#/components/schemas/Large"}, {"type": "null"}]}, schemas) == (
        "[Large](#large) or null"
    )
    assert values({"type": "array", "items": {"type": "string", "maxLength": 5}}, schemas) == (
        "list of text, at most 5 characters"
    )
    assert fields(schemas["Large"], schemas) == (
        "| field | values |\n|---|---|\n| `n` | whole number, at least 1, at most 9 |\n\n"
    )
