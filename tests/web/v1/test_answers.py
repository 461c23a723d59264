"""Customers' answers in the API: listed, filtered, confirmed and dismissed by those who may."""

from __future__ import annotations

from awbridge.domain.people.role import Role
from tests.support.answers import failed_delivery, given
from tests.support.app import Web
from tests.support.people import a_key


async def three_answers(web: Web) -> list[str]:
    ids: list[str] = []
    for n in range(3):
        await failed_delivery(web.store, web.clock, f"R-{n}", f"AWB{n}")
        answer = (await given(web.store, web.clock, f"R-{n}", kind="new_phone", phone="9876543210")).answer
        assert answer
        ids.append(answer.id)
    return ids


async def test_answers_are_listed_newest_first_in_pages(web: Web) -> None:
    ids = await three_answers(web)
    first = (await web.http.get("/v1/answers", params={"limit": 2})).json()
    second = (await web.http.get("/v1/answers", params={"limit": 2, "cursor": first["next"]})).json()
    assert [a["id"] for page in (first, second) for a in page["answers"]] == ids[::-1]
    assert second["next"] is None
    answer = first["answers"][0]
    assert (answer["kind"], answer["state"], answer["day"]) == ("new_phone", "received", "2026-11-04")
    assert answer["body"] == {"phone_number": "9876543210"}


async def test_answers_are_filtered_by_their_state(web: Web) -> None:
    ids = await three_answers(web)
    dismissed = await web.http.post(f"/v1/answers/{ids[1]}/dismiss", json={"note": "called"})
    assert (dismissed.json()["state"], dismissed.json()["why"]) == ("dismissed", "called")
    for state, expected in (("received", [ids[2], ids[0]]), ("dismissed", [ids[1]]), ("sent", [])):
        listed = (await web.http.get("/v1/answers", params={"state": state})).json()["answers"]
        assert [a["id"] for a in listed] == expected
    paged = (await web.http.get("/v1/answers", params={"state": "received", "limit": 1})).json()
    rest = (await web.http.get("/v1/answers", params={"state": "received", "cursor": paged["next"]})).json()
    assert [a["id"] for a in rest["answers"]] == [ids[0]]
    assert (await web.http.get("/v1/answers", params={"state": "open"})).status_code == 422


async def test_an_answer_is_confirmed_once(web: Web) -> None:
    ids = await three_answers(web)
    confirmed = (await web.http.post(f"/v1/answers/{ids[0]}/confirm")).json()
    assert confirmed["state"] == "sent"
    action = (await web.http.get(f"/v1/actions/{confirmed['action']}")).json()
    assert action["body"] == {"action": "REATTEMPT", "preferred_date": "2026-11-04", "phone_number": "9876543210"}
    again = await web.http.post(f"/v1/answers/{ids[0]}/confirm")
    assert again.status_code == 409
    assert "does not wait any more" in again.text
    assert (await web.http.post("/v1/answers/none/dismiss")).status_code == 404
    of_one = (await web.http.get("/v1/shipments/R-0/answers")).json()["answers"]
    assert [a["id"] for a in of_one] == [ids[0]]
    assert (await web.http.get("/v1/shipments/none/answers")).status_code == 404


async def test_a_viewer_reads_answers_masked_and_decides_nothing(web: Web) -> None:
    ids = await three_answers(web)
    viewer = {"authorization": f"Bearer {await a_key(web.store, web.clock, Role.VIEWER)}"}
    shown = (await web.http.get("/v1/shipments/R-0/answers", headers=viewer)).json()["answers"][0]
    assert shown["kind"] == "new_phone"
    assert "9876543210" not in str(shown)
    assert (await web.http.post(f"/v1/answers/{ids[0]}/confirm", headers=viewer)).status_code == 403
