"""The documentation matches the code: commands, routes, faults; links resolve. Generated pages: test_reference.py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from starlette.routing import Route

import awbridge
from awbridge.app.settings import PREFIX, Settings
from awbridge.app.settings.spelling import ACCOUNT, ACCOUNT_VARIABLES, CONFIG, FILE_SUFFIX
from awbridge.app.settings.types import RENAMED
from awbridge.cli import main
from awbridge.clickpost.orders.columns import column_place
from awbridge.clickpost.wire.answer_codes import ANSWER_NAMES
from awbridge.domain.couriers.allocation import RULE_FIELDS
from awbridge.domain.orders.shipment import State
from awbridge.sandbox.app import ENDPOINTS
from awbridge.sandbox.config import Faults, SandboxConfig
from awbridge.steps.orders.importing import import_file
from awbridge.steps.orders.reading import read_order
from awbridge.store import Store
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.web.contexts import ApiContext
from awbridge.web.pages.pages_app import build_pages
from awbridge.web.v1.router import ROUTES
from tests.support.commands import commands

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "awbridge"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(rf"\b{PREFIX}[A-Z0-9_]*[A-Z0-9]\b")
_HTTP = {"get", "post", "put", "delete", "patch"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def without_code(text: str) -> str:
    return _FENCE.sub("", text)


def variables() -> dict[str, Any]:
    """Variable -> its default in the code."""
    return {PREFIX + name.upper(): field.default for name, field in Settings.fields.items()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_names_a_variable_that_does_not_exist(document: Path) -> None:
    known = {CONFIG, *variables(), *(name + FILE_SUFFIX for name in variables())}
    known |= {ACCOUNT}
    named = {
        PREFIX + name.rpartition("__")[2] if name.startswith(ACCOUNT_VARIABLES) else name
        for name in _VARIABLE.findall(document.read_text(encoding="utf-8"))
    } - {PREFIX + "SETTING"}  # AWBRIDGE_ACCOUNTS__NAME__SETTING
    known |= set(RENAMED) if document.name == "CHANGELOG.md" else set()
    assert not named - known


@pytest.mark.parametrize(("path", "command"), list(commands(main)), ids=str)
def test_every_command_has_help_with_an_example(path: tuple[str, ...], command: click.Command) -> None:
    help_text = command.help or ""
    example = re.search(r"Example: (?:\S+=\S+ )*awbridge ([^\n]+)", help_text)
    assert example, f"awbridge {' '.join(path)} shows no example"
    assert tuple(example[1].split()[: len(path)]) == path


def shell_lines(document: Path) -> Iterator[str]:
    for kind, text in _FENCE.findall(document.read_text(encoding="utf-8")):
        if kind == "sh":
            for line in text.replace("\\\n", " ").splitlines():
                if line.startswith("awbridge "):
                    yield line.partition("#")[0].strip()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documented_commands_and_options_exist(document: Path) -> None:
    known = dict(commands(main))
    for line in shell_lines(document):
        words = line.split()[1:]
        words = words[2:] if words[0] in ("--account", "--config") else words
        path = next((tuple(words[:n]) for n in (3, 2, 1) if tuple(words[:n]) in known), None)
        assert path, f"{document.name}: there is no command: {line}"
        options = {
            option for parameter in known[path].params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        used = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert used <= options, f"{document.name}: {line}"


def test_commands_and_links_are_found_in_the_documents() -> None:
    """The tests of them, page by page, would pass without any."""
    assert sum(len(list(shell_lines(document))) for document in DOCUMENTS) > 50
    assert sum(len(_LINK.findall(without_code(d.read_text(encoding="utf-8")))) for d in DOCUMENTS) > 50


def test_every_fault_of_the_sandbox_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| .+\|$", read("docs/how-to/operate/sandbox.md"), re.MULTILINE)
    defaults = {
        name: "none" if name in ("error_codes", "downtime") else f"{field.get_default():g}"
        for name, field in Faults.model_fields.items()
    }
    assert dict(rows) == defaults


def test_the_sandbox_page_names_every_control_endpoint_and_no_other() -> None:
    page = read("docs/how-to/operate/sandbox.md")
    documented = set(re.findall(r"^\| `(GET|POST|PUT) (/\S+?)` \|", page, re.MULTILINE))
    controls = {
        (method, path)
        for path, methods in ENDPOINTS.items()
        for method in methods
        if path.startswith("/_sandbox/") or path == "/healthz"
    }
    assert documented == controls


def test_the_settings_on_the_sandbox_page_are_accepted() -> None:
    (example,) = (text for kind, text in _FENCE.findall(read("docs/how-to/operate/sandbox.md")) if kind == "json")
    SandboxConfig.model_validate_json(example)
    paragraph = read("docs/how-to/operate/sandbox.md").partition("## A file of settings")[2].partition("```")[0]
    account = get_args(SandboxConfig.model_fields["accounts"].annotation)[0].model_fields
    named = set(re.findall(r"`([a-z_]+)`", paragraph))
    assert named <= {*SandboxConfig.model_fields, *account}


def test_every_route_is_in_the_reference_and_those_of_the_readme_exist() -> None:
    from fastapi import FastAPI

    app = FastAPI(routes=[*ROUTES])
    routes = {
        f"{method.upper()} {path}"
        for path, methods in app.openapi()["paths"].items()
        for method in methods
        if method in _HTTP
    }
    assert len(routes) > 5
    named = re.compile(r"`((?:GET|POST|PUT|DELETE|PATCH) /v1/[^`]+)`")
    assert set(named.findall(read("docs/reference/api.md"))) == routes
    in_readme = set(named.findall(read("README.md")))
    assert in_readme
    assert in_readme <= routes


async def test_every_page_is_explained_and_no_other(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/pages.db")
    try:
        app = build_pages(ApiContext(store=store, clock=lambda: pytest.fail("no request is made"), clickpost=None))
    finally:
        await store.close()
    pages = {
        route.path.split("/")[1].partition(".")[0]
        for route in app.routes
        if isinstance(route, Route) and "GET" in (route.methods or ())
    }
    rows = re.findall(r"^\| (`/[^|]*) \|", read("docs/how-to/operate/pages.md"), re.MULTILINE)
    explained = {path.split("/")[1] for row in rows for path in re.findall("`([^`]+)`", row)}
    assert explained == pages


def test_every_state_is_explained_in_the_readme() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", read("README.md"), re.MULTILINE)
    assert sorted(rows) == sorted(state.value for state in State)


def anchors(document: Path) -> set[str]:
    """The anchors of a page's headings."""
    headings = _HEADING.findall(without_code(document.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_relative_links_resolve(document: Path) -> None:
    for link in _LINK.findall(without_code(document.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), f"{document.name} links to {link}"
        assert target.is_relative_to(ROOT)
        assert not anchor or anchor in anchors(target), f"{document.name} links to {link}"


def test_every_page_that_the_code_refers_to_exists() -> None:
    texts = (file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.py"))
    pointed = {page for text in texts for page in re.findall(r"\bdocs/[\w/-]+\.md", text)}
    assert pointed
    assert not {page for page in pointed if not (ROOT / page).exists()}


def test_every_test_that_a_page_names_exists() -> None:
    """Pages name the tests that prove what they say."""
    named = {t for d in DOCUMENTS for t in re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", d.read_text(encoding="utf-8"))}
    assert len(named) > 70
    texts = {file: read(file) for file in {test.partition("::")[0] for test in named}}
    gone = {t for t in named if (name := t.partition("::")[2]) and f"def {name}(" not in texts[t.partition("::")[0]]}
    assert not gone


ACCOUNTS = {"Delhivery Surface": CourierAccount(transporter="Delhivery Surface", courier_partner_id=4)}


def test_the_csv_example_makes_one_order_of_two_items(tmp_path: Path) -> None:
    (example,) = (text for kind, text in _FENCE.findall(read("docs/how-to/orders/import.md")) if kind == "csv")
    file = tmp_path / "orders.csv"
    file.write_text(example, encoding="utf-8")
    (row,) = import_file.read_orders(file)
    assert isinstance(row, import_file.ReadOrder)
    taken = read_order(row.order, ACCOUNTS)
    assert [item["sku"] for item in taken.payload["shipment_details"]["items"]] == ["SHIRT-M", "SOCKS-2"]
    assert taken.payload["additional"]["label"] is True


def test_every_condition_of_a_rule_is_explained() -> None:
    page = read("docs/how-to/orders/couriers.md")
    table = page.partition("| column | holds when |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z_]+)`", table)) == set(RULE_FIELDS)


def test_the_columns_that_the_import_page_names_exist() -> None:
    table = read("docs/how-to/orders/import.md").partition("| column |")[2].partition("\n\n")[0]
    names = {n for n in re.findall(r"`([a-z_]+(?:\.[a-z_]+)?)`", table) if n not in ("india", "world", "section.field")}
    sections = {"shipment_details", "pickup_info", "drop_info"}
    assert len(names) > 20
    assert not {name for name in names - sections if column_place(name) is None}


def test_the_codes_in_the_errors_page_are_the_ones_that_intake_gives() -> None:
    documented = {int(code) for code in re.findall(r"^\| (3\d\d) \| ", read("docs/reference/errors.md"), re.MULTILINE)}
    sources = (
        "steps/orders/intake.py",
        "steps/orders/reading.py",
        "clickpost/orders/payload.py",
        "clickpost/wire/validation_codes.py",
    )
    text = "".join((SOURCE / name).read_text(encoding="utf-8") for name in sources)
    given = {int(number) for number in re.findall(r"\b3\d\d\b", text)} & set(ANSWER_NAMES)
    assert documented == given


def test_the_changelog_has_this_version() -> None:
    assert awbridge.__version__ in read("CHANGELOG.md")
