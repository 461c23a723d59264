"""The glossary: one line a term, sorted, and every module that it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = (ROOT / "docs" / "reference" / "glossary.md").read_text(encoding="utf-8")
ROWS = [tuple(cells) for cells in re.findall(r"^\| (.+?) \| (.+) \| (`[\w.]+`|-) \|$", GLOSSARY, re.MULTILINE)]
TERMS = [term for term, _, _ in ROWS]
MODULES = sorted({module.strip("`") for _, _, module in ROWS if module != "-"})

OF_THE_TRADE = {
    "account code",
    "courier partner",
    "EDD",
    "manifest",
    "MPS",
    "NDR",
    "NPR",
    "POD",
    "RTO",
    "RVP",
    "scan",
    "shipment",
    "transporter",
    "waybill (AWB)",
}
OURS = {
    "account",
    "account throttle",
    "alarm",
    "allocation",
    "apply throttle",
    "archive",
    "attempt",
    "audit",
    "backoff",
    "breaker",
    "catch-up window",
    "courier downtime",
    "dead letter",
    "delivery",
    "delivery attempt",
    "difference",
    "endpoint",
    "erasure scope",
    "evidence bundle",
    "failure report",
    "fallback",
    "health monitor",
    "hold",
    "inbox",
    "lease",
    "maybe placed",
    "milestone",
    "notice",
    "pace",
    "ramp",
    "reconciliation",
    "redaction",
    "shipment event",
    "subscriber",
    "timeline rebuild",
    "tracking update",
    "update source",
}


def test_every_line_of_the_table_is_read() -> None:
    lines = [line for line in GLOSSARY.splitlines() if line.startswith("| ")]
    assert len(lines) == len(ROWS) + 1, "all but the header"


def test_every_term_is_there_once_and_in_order() -> None:
    assert len({term.casefold() for term in TERMS}) == len(TERMS)
    assert sorted(TERMS, key=str.casefold) == TERMS
    assert set(TERMS) >= OF_THE_TRADE | OURS


@pytest.mark.parametrize("module", MODULES)
def test_every_module_exists(module: str) -> None:
    path = (ROOT / "src").joinpath(*module.split("."))
    assert module.startswith("awbridge.")
    assert path.with_suffix(".py").exists() or (path / "__init__.py").exists()
