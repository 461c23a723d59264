"""Pages of updated-order: an interrupted walk can resume, and the stored position contains no key."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

from awbridge.clickpost.wire.endpoints import Endpoints, Pages
from awbridge.domain.call import Call
from tests.support.rows import T0

CALL = Call(api="updated-order", method="GET", url="u")
ENDPOINTS = Endpoints(username="shop", key="the-key", url="https://a", tracking_url="https://b")


def test_a_walk_resumes_at_a_stored_page() -> None:
    until = T0 + timedelta(minutes=10)
    pages = Pages(ENDPOINTS, T0, until)
    link = "https://elsewhere/api/v1/updated-order?username=shop&key=the-key&start_date=1&end_date=2&cursor=a%20b&page="
    kept = pages.turn(link, CALL)
    assert kept == "start_date=1&end_date=2&cursor=a+b&page="
    later = Pages(ENDPOINTS, T0, until, page=kept)
    assert pages.request
    assert later.request
    assert sorted(parse_qsl(urlsplit(later.request.url).query, keep_blank_values=True)) == sorted(
        parse_qsl(urlsplit(pages.request.url).query, keep_blank_values=True)
    )
    assert later.turn(None, CALL) == ""
    assert later.request is None, "that was the last page of the only window"
