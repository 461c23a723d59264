"""Every page is valid HTML: a strict parser finds no error in it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncIterator

import html5lib
import pytest
from html5lib.html5parser import ParseError

from awbridge.store import Store
from awbridge.store.engine.queries import columns
from awbridge.store.privacy.masked_reads import BODIES, TEXTS
from awbridge.web.pages.language import LANGUAGES
from tests.support.app import Web, web_on
from tests.support.every_page import filled_in, page_paths
from tests.support.evidence_rows import more_about
from tests.support.one_of_each import one_of_each
from tests.support.pages import HERE, OUR_FORM
from tests.support.rows import sql
from tests.support.world import an_order

pytestmark = pytest.mark.heavy

HOSTILE = "\"'--></textarea></title><script>run('x')</script>"
# What awbridge itself writes into a column, and reads again.
PARSED = {
    *(("endpoints", "url"), ("erasures", "subject"), ("scans", "return_event"), ("shipments", "edd")),
    *(("promises", "edd"), ("reconciliations", "columns_read"), ("reconciliations", "not_understood")),
    ("reconciliations", "found"),
}
BINARY = ("inbox", "reconciliation_files")  # whose bodies are bytes
PARTS = ("/shipments.tabs",)  # of a page, for its live update


@pytest.fixture
async def web(store: Store) -> AsyncIterator[Web]:
    async with web_on(store, api_keys=["setting"]) as running:
        running.http.headers["authorization"] = "Bearer setting"
        yield running


async def test_every_page_is_valid_html(web: Web) -> None:
    known = await one_of_each(web, 1)
    shown = 0
    paths = [filled_in(path, known) for path in page_paths() if path not in PARTS]
    for language in LANGUAGES:
        for path in (*paths, "/search?q=nobody", "/endpoints/nosuch", "/shipments?stat=x"):
            answer = await web.http.get(path, headers={**HERE, "accept-language": language})
            assert answer.status_code < 500, (path, language)
            if answer.headers.get("content-type", "").startswith("text/html"):
                check(path, answer.text)
                assert f'<html lang="{language}"' in answer.text
                shown += 1
    assert shown > 60
    chosen = f"reference={known['reference_number'].replace('/', '%2F')}"
    for path, form in (("/shipments/preview", f"action=cancel&{chosen}"), ("/shipments/act", f"action=poll&{chosen}")):
        check(path, (await web.http.post(path, headers=OUR_FORM, content=form)).text)


async def test_what_comes_from_outside_is_shown_and_never_run(web: Web) -> None:
    known = await one_of_each(web, 1)
    await more_about(web.store, known["reference_number"])
    async with web.store.write() as session:
        for table, names in columns().items():
            for column in names:
                if column in TEXTS and (table, column) not in PARSED:
                    await session.execute(sql(f"UPDATE {table} SET {column} = $1"), HOSTILE)
                if column in BODIES and column != "payload" and (table, column) not in PARSED:
                    body = json.dumps({HOSTILE: HOSTILE})
                    stored = body.encode() if table in BINARY else body
                    await session.execute(sql(f"UPDATE {table} SET {column} = $1"), stored)
        payload = an_order(known["reference_number"]) | {HOSTILE: HOSTILE, "drop_info": {"drop_name": HOSTILE}}
        await session.execute(sql("UPDATE shipments SET payload = $1, packed_payload = NULL"), json.dumps(payload))
    shown = 0
    for path in (filled_in(path, known) for path in page_paths() if path not in PARTS):
        answer = await web.http.get(path, headers=HERE)
        if answer.headers.get("content-type", "").startswith("text/html"):
            check(path, answer.text)
            assert "<script>run" not in answer.text, path
            shown += "&lt;script&gt;run" in answer.text
    assert shown > 5, "the test must be able to fail"


def check(path: str, html: str) -> None:
    """Fail where the HTML is not well formed, or an id stands twice."""
    try:
        html5lib.HTMLParser(strict=True).parse(html)
    except ParseError as error:
        pytest.fail(f"{path}: {error}")
    twice = [name for name, times in Counter(re.findall(r'\sid="([^"]*)"', html)).items() if times > 1]
    assert twice == [], path


def test_an_error_would_be_noticed() -> None:
    for html in ("<p>no doctype", '<!doctype html><title>t</title><p id="a"><b id="a">x</b>', "<!doctype html></b>"):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            check("/", html)
