"""The pages of reconciliations: a file is dropped, its differences are shown by kind and decided on."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from awbridge.domain.orders.shipment import State
from awbridge.steps.reconciliation.reconcile import ReconcilePolicy, reconcile_due
from awbridge.web.pages.reconciliation import runs
from tests.support.app import Web
from tests.support.pages import HERE, hidden_fields, open_page, send_form, upload
from tests.support.rows import add, fetch, place
from tests.support.world import INDIA, get

REPORT = b"AWB,Status\n4000000000001,Delivered\n4000000000009,Delivered\n"


async def reconciled(web: Web) -> str:
    """Upload a file from the page and match it; the path of the run."""
    for number in (1, 2):
        await add(web.store, f"ORDER-{number}")
        await place(web.store, f"ORDER-{number}", f"400000000000{number}")
    answer = await upload(web, "/reconciliation/upload", "r-2026-11-02.csv", REPORT, kind="", day="")
    assert answer.status_code == 303, answer.text
    path = answer.headers["location"]
    shown = await open_page(web, path)
    assert "The comparison is still running." in shown
    assert "Show the progress" in shown
    await reconcile_due(store=web.store, clickpost=None, clock=web.clock, policy=ReconcilePolicy(zone=INDIA))
    return path


def boxes(shown: str) -> list[tuple[str, str]]:
    """The checkboxes of a page: what each chooses, and its value."""
    return [
        (item, value)
        for value, item in re.findall(r'name="difference" value="(\d+)" aria-label="Choose ([^"]+)"', shown)
    ]


async def test_a_file_is_compared_and_its_differences_are_grouped_with_what_to_do(web: Web) -> None:
    path = await reconciled(web)
    shown = await open_page(web, path)
    for text in (
        "Missing at ClickPost 1",
        "Missing here 1",
        "Status differs 1",
        "Push again what it",
        "no column holds",
    ):
        assert text in shown, text
    assert sorted(item for item, _ in boxes(shown)) == ["4000000000009", "ORDER-1", "ORDER-2"]
    only = await open_page(web, f"{path}?kind=missing_there")
    assert [item for item, _ in boxes(only)] == ["ORDER-2"]
    assert 'href="/shipments/ORDER-2"' in only
    assert "r-2026-11-02.csv" in await open_page(web, "/reconciliation")


async def test_chosen_differences_are_previewed_pushed_again_and_solved(web: Web) -> None:
    path = await reconciled(web)
    found = dict(boxes(await open_page(web, path)))
    both = [("difference", found["ORDER-2"]), ("difference", found["4000000000009"])]
    preview = await send_form(web, f"{path}/preview", [("decision", "push-again"), *both])
    assert "2 differences?" in preview
    assert "Only shipments that ClickPost lacks can be pushed again." in preview
    done = await send_form(web, f"{path}/act", hidden_fields(preview))
    assert "1 of 1 done" in done
    assert (await get(web.store, "ORDER-2")).state is State.READY
    solve = [("decision", "solve"), *both[1:], ("reason", "booked by hand")]
    assert "1 of 1 done" in await send_form(web, f"{path}/act", solve)
    assert found["4000000000009"] not in await open_page(web, path)
    assert "by hand: booked by hand" in await open_page(web, f"{path}?state=all")
    await send_form(web, f"{path}/act", [("decision", "recheck"), ("difference", found["ORDER-1"])])
    rows = await fetch(web.store, "SELECT next_check_at FROM differences WHERE item = 'ORDER-1'")
    assert rows[0]["next_check_at"] == web.clock.now


async def test_senseless_decisions_change_nothing(web: Web) -> None:
    path = await reconciled(web)
    assert "No difference was chosen." in await send_form(web, f"{path}/preview", {"decision": "solve"})
    await send_form(web, f"{path}/preview", {"decision": "x"}, status=422)
    await send_form(web, f"{path}/preview", {"decision": "solve", "difference": "x"})
    assert "It is not of this reconciliation." in await send_form(
        web, f"{path}/act", {"decision": "solve", "difference": "1"}
    )
    await send_form(web, f"{path}/act", {"decision": "solve", "difference": "1", "reason": "x" * 201}, status=422)
    assert await fetch(web.store, "SELECT 1 AS x FROM differences WHERE state <> 'open'") == []


async def test_the_evidence_of_a_difference_is_downloaded(web: Web) -> None:
    path = await reconciled(web)
    found = dict(boxes(await open_page(web, path)))
    answer = await web.http.get(f"{path}/evidence/{found['ORDER-2']}", headers=HERE)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as zipped:
        assert "difference.json" in zipped.namelist()


async def test_what_is_no_upload_is_refused_with_its_reason(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content, text in (("", b"", "Choose a file."), ("empty.csv", b"", "is empty")):
        answer = await upload(web, "/reconciliation/upload", name, content)
        assert (answer.status_code, text in answer.text) == (422, True), answer.text
    assert "Write a day like" in (await upload(web, "/reconciliation/upload", "a.csv", REPORT, day="soon")).text
    await send_form(web, "/reconciliation/upload", {"file": "a.csv"}, status=422)
    monkeypatch.setattr(runs, "LARGEST_FILE", 10)
    assert (await upload(web, "/reconciliation/upload", "a.csv", b"x" * 100_000)).status_code == 413
    assert await fetch(web.store, "SELECT id FROM reconciliations") == []


async def test_a_day_is_compared_and_one_that_has_not_begun_is_refused(web: Web) -> None:
    await send_form(web, "/reconciliation/day", {"day": "2026-11-01"}, status=303)
    assert "placed on 2026-11-01" in await open_page(web, "/reconciliation")
    assert "has not begun yet" in await send_form(web, "/reconciliation/day", {"day": "2999-01-01"}, status=422)
    assert "Choose a day." in await send_form(web, "/reconciliation/day", {}, status=422)


async def test_runs_follow_each_other_over_pages(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "PAGE_SIZE", 1)
    for day in ("2026-10-01", "2026-10-02"):
        await send_form(web, "/reconciliation/day", {"day": day}, status=303)
    first = await open_page(web, "/reconciliation")
    assert "2026-10-02" in first
    following = re.search(r'class="next" href="([^"]+)"', first)
    assert following
    second = await open_page(web, following[1])
    assert "2026-10-01" in second
    assert 'class="next"' not in second
