"""The catalogues of the pages' texts: `python -m tools.translations` brings them up to date and compiles them.

Texts come from the templates and modules of the pages (`_()`, `gettext`, `ngettext`, `gettext_noop`), and from the
tables of the domain whose texts are shown there: the keywords of TEXT_KEYWORDS in the modules of TABLES. What has no
translation yet is left empty in the `.po` file, and a test names it.
"""

from __future__ import annotations

import ast
import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from awbridge.clickpost.wire.answer_codes import ANSWER_NAMES, advice_for
from awbridge.clickpost.wire.tracking_codes import NDR_NAMES
from awbridge.domain.orders.shipment import State
from awbridge.domain.people.actor import ActorKind
from awbridge.domain.people.audited import ACTION_TEXTS
from awbridge.domain.people.role import Role

SOURCE = Path(__file__).resolve().parents[1] / "src" / "awbridge"
PAGES = SOURCE / "web" / "pages"
LOCALE = PAGES / "locale"
LANGUAGES = ("hi",)
TEXT_KEYWORDS = frozenset({"text", "title", "one", "many", "advice"})
TABLES = (
    "domain/guide/demands.py",
    "domain/orders/attention.py",
    "domain/orders/bulk.py",
    "steps/couriers/moving.py",
    "steps/orders/shipment_columns.py",
)
KEYWORDS = {"_": None, "gettext": None, "gettext_noop": None, "ngettext": (1, 2)}
HEAD = "Brought up to date by `python -m tools.translations`; edit the msgstr lines only."
# Header lines that differ between two runs, or say nothing.
CHANGING = tuple(
    f'"{name}'.encode()
    for name in ("POT-", "PO-", "Generated-By", "Last-Translator", "Language-Team", "Report-Msgid", "Project-Id")
)
WIDTH = 110  # columns of a .po file


def of_tables() -> Iterator[tuple[str, int, str]]:
    """Module, line and text of every text in the domain's tables."""
    for name in TABLES:
        for node in ast.walk(ast.parse((SOURCE / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg in TEXT_KEYWORDS and isinstance(node.value, ast.Constant):
                text = node.value.value
                if isinstance(text, str) and text:
                    yield name, node.value.lineno, text


def of_values() -> Iterator[tuple[str, str]]:
    """Module and text of what is shown by its value: ClickPost's answers and reasons, our states, roles, actions."""
    for code, name in ANSWER_NAMES.items():
        yield "clickpost/wire/answer_codes.py", name
        yield "clickpost/wire/answer_codes.py", advice_for(200, code)
    yield "clickpost/wire/answer_codes.py", advice_for(None, None)
    yield "clickpost/wire/answer_codes.py", advice_for(200, None)
    for name in NDR_NAMES.values():
        yield "clickpost/wire/tracking_codes.py", name
    for text in ACTION_TEXTS.values():
        yield "domain/people/audited.py", text
    for module, values in (("orders/shipment.py", State), ("people/role.py", Role), ("people/actor.py", ActorKind)):
        for value in values:
            yield f"domain/{module}", str(value.value).replace("_", " ")


def template() -> Catalog:
    """All texts, without translations. Places are files without lines, which would change with every edit."""
    found = Catalog(fuzzy=False)
    for path in sorted(PAGES.rglob("*.py")):
        _extract(found, "python", path)
    for path in sorted((PAGES / "templates").rglob("*.j2")):
        _extract(found, "jinja2.ext:babel_extract", path)
    for name, _line, text in of_tables():
        found.add(text, locations=[(name, 0)])
    for name, text in of_values():
        if text:
            found.add(text, locations=[(name, 0)])
    return found


def _extract(found: Catalog, method: str, path: Path) -> None:
    options = {"trimmed": "true", "silent": "false"}
    for _line, message, comments, context in extract_from_file(method, path, KEYWORDS, ("NOTE:",), options):
        place = path.relative_to(SOURCE).as_posix()
        found.add(message, locations=[(place, 0)], auto_comments=comments, context=context)


def po_file(language: str) -> Path:
    """The file that translators edit."""
    return LOCALE / language / "LC_MESSAGES" / "pages.po"


def read(language: str) -> Catalog:
    """The translations of a language as they are kept."""
    with po_file(language).open("rb") as file:
        return read_po(file, language)


def updated(language: str) -> Catalog:
    """The translations of a language for today's texts: new ones are empty, those of removed texts are dropped."""
    new = Catalog(locale=language, project="awbridge", version="pages", header_comment=f"# {HEAD}", fuzzy=False)
    kept = read(language) if po_file(language).exists() else new
    kept.update(template(), no_fuzzy_matching=True)
    kept.obsolete.clear()
    return kept


def po_text(catalogue: Catalog) -> bytes:
    """The catalogue as a `.po` file, sorted, without a header that changes each time."""
    out = io.BytesIO()
    write_po(out, catalogue, width=WIDTH, sort_output=True, omit_header=False, include_lineno=False)
    lines = out.getvalue().split(b"\n")
    return b"\n".join(line for line in lines if not line.startswith(CHANGING))


def mo_bytes(catalogue: Catalog) -> bytes:
    """The catalogue as Python's gettext reads it."""
    out = io.BytesIO()
    # Its header holds both times; without them the file would differ each time.
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    write_mo(out, catalogue)
    return out.getvalue()


def main() -> None:
    """Write both files of every language, and say how many texts have no translation."""
    for language in LANGUAGES:
        catalogue = updated(language)
        path = po_file(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(po_text(catalogue))
        # Read back, so that the compiled file depends on the text file alone.
        path.with_suffix(".mo").write_bytes(mo_bytes(read(language)))
        empty = sum(1 for message in catalogue if message.id and not is_translated(message))
        sys.stdout.write(f"{path}: {len(catalogue)} texts, {empty} without a translation\n")


def is_translated(message: Message) -> bool:
    """Whether every form of the text has a translation."""
    forms = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
    return bool(forms) and all(forms)


if __name__ == "__main__":
    main()
