"""The paths of all pages, and their parameters filled in."""

from __future__ import annotations

import re
from typing import cast
from urllib.parse import quote

from starlette.routing import Route

from awbridge.store import Store
from awbridge.web.contexts import ApiContext
from awbridge.web.pages.pages_app import build_pages
from tests.support.world import SetClock


def page_paths() -> list[str]:
    pages = build_pages(ApiContext(store=cast("Store", None), clock=SetClock()))
    return sorted(r.path for r in pages.routes if isinstance(r, Route) and "GET" in (r.methods or ()))


def filled_in(path: str, known: dict[str, str]) -> str:
    named = {
        **known,
        "reference": quote(known["reference_number"], safe=""),
        "token": "none",
        "report": known["report_id"],
        "difference": known["difference_id"],
        "event_id": "1",
        "name": "nosuch",
    }
    if path.startswith("/reconciliation/"):
        named["number"] = known["reconciliation_id"]
    return re.sub(r"\{(\w+)(?::path)?\}", lambda found: str(named[found[1]]), path)
