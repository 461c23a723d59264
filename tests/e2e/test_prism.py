"""The client against a mock server that was generated from the vendor's OpenAPI files, and refuses what they refuse."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from awbridge import AsyncClickPost, ClickPost
from awbridge.domain.errors import VendorError
from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import Region
from tests.clickpost.client.test_more_calls import CASES, Case
from tests.support import prism, vendor_files

pytestmark = [
    pytest.mark.slow,
    vendor_files.needed,
    pytest.mark.skipif(
        not prism.installed() and not (os.environ.get("CI") and (vendor_files.folder() or vendor_files.named())),
        reason="Prism is not installed: make prism",
    ),
]

START = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
UNDOCUMENTED = {"register_service", "unregister_waybill"}
NO_GOOD_ANSWER = {"returns_delta", "recommend_world"}  # their only good example is not JSON
DOCUMENTED = [case for case in CASES if case.name not in UNDOCUMENTED | NO_GOOD_ANSWER]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prism.prism_server(tmp_path_factory.mktemp("prism")) as address:
        yield address


@pytest.fixture(scope="module")
def settings(url: str) -> dict[str, Any]:
    hosts = ("url", "tracking_url", "serviceability_url", "edd_url")
    return {"username": "shop", "key": "k3y", **dict.fromkeys(hosts, url)}


@pytest.fixture
def clickpost(settings: dict[str, Any]) -> Iterator[ClickPost]:
    with ClickPost(**settings) as client:
        yield client


@pytest.mark.parametrize("case", DOCUMENTED, ids=lambda case: f"{case.name}-{case.answer}")
def test_a_documented_call_is_accepted_and_its_first_answer_is_read(clickpost: ClickPost, case: Case) -> None:
    answer = getattr(clickpost, case.name)(*case.args, **case.kwargs)
    assert answer is None or answer.raw


@pytest.mark.parametrize("name", sorted(NO_GOOD_ANSWER))
def test_a_call_whose_example_is_not_json_is_accepted_too(clickpost: ClickPost, name: str) -> None:
    (case,) = (case for case in CASES if case.name == name)
    with pytest.raises(VendorError) as error:
        getattr(clickpost, name)(*case.args, **case.kwargs)
    assert error.value.http_status == 200


@pytest.mark.parametrize("region", list(Region))
def test_orders_are_placed_fetched_and_cancelled(clickpost: ClickPost, region: Region) -> None:
    placed = clickpost.create_order({"shipment_details": {"reference_number": "R-1"}}, region=region)
    assert isinstance(placed.outcome, Placed)
    assert clickpost.fetch_order("AW1", 4, region=region)
    assert clickpost.cancel_order("AW1", 4, "main").cancelled


def test_tracking_is_read(clickpost: ClickPost) -> None:
    assert clickpost.track_order(["AW1"], 4).items
    pages = list(clickpost.updated_order(START, START + timedelta(minutes=10)))
    assert [len(page.items) > 0 for page in pages] == [True]
    assert clickpost.fetch_accounts()


async def test_the_asyncio_client_works_with_the_mock_server(settings: dict[str, Any]) -> None:
    async with AsyncClickPost(**settings) as clickpost:
        assert (await clickpost.track_order(["AW1"], 4)).items
        for case in DOCUMENTED:
            answer = await getattr(clickpost, case.name)(*case.args, **case.kwargs)
            assert answer is None or answer.raw


def test_the_mock_server_refuses_undocumented_requests(settings: dict[str, Any], url: str) -> None:
    """Otherwise the tests above would be meaningless."""
    assert httpx2.get(f"{url}/api/v2/track-order/?username=shop&key=k3y&cp_id=4").status_code == 422
    with ClickPost(**settings) as clickpost, pytest.raises(VendorError):
        clickpost.register_service()
