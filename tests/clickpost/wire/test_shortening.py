"""Bodies over 64 KiB: JSON stays JSON, so that people in it are still found; no value is cut in the middle."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from awbridge.clickpost.client.exchange import HttpExchange, failure
from awbridge.clickpost.wire.endpoints import ApiRequest
from awbridge.clickpost.wire.lenient_json import Reply
from awbridge.clickpost.wire.shortening import LONGEST_KEPT, LONGEST_READ
from awbridge.domain.call import Call
from awbridge.domain.privacy import Veil
from awbridge.domain.privacy_setting import read_privacy

MASKED = read_privacy("phone=mask,name=mask,email=mask,address=mask")
DROP = {"drop_name": "Asha Rao", "drop_phone": "9812345678", "drop_address": "12 MG Road, Pune"}


def request(**more: Any) -> ApiRequest:
    body = json.dumps({"drop_info": DROP, "shipment_details": {"reference_number": "R-1"}, **more})
    return ApiRequest(api="create-order", method="POST", url="https://x/?key=k", body=body, secrets=("the-secret",))


def shown(call: Call) -> str:
    veil = Veil(MASKED)
    return json.dumps([veil.body(call.request), veil.body(call.response)], ensure_ascii=False)


@pytest.mark.parametrize(
    "more",
    [
        {"invoice_base_64": "A" * 100_000},
        {"items": [{"sku": f"S{number}", "description": "x" * 100} for number in range(5000)]},
        {"notes": {f"field-{number}": "y" * 50 for number in range(5000)}},
        {"deep": [[["z" * 30] * 40] * 40] * 40},
    ],
    ids=["a document", "a long list", "many fields", "deep"],
)
def test_a_long_request_is_kept_as_json_without_its_long_parts(more: dict[str, Any]) -> None:
    call = request(**more).call()
    kept = json.loads(call.request)
    assert len(call.request.encode()) <= LONGEST_KEPT
    assert (kept["drop_info"], kept["shipment_details"]) == (DROP, {"reference_number": "R-1"})
    assert not any(value in shown(call) for value in DROP.values())


def test_a_body_too_long_to_parse_is_replaced_by_its_length() -> None:
    call = request().call(response="[" + "1," * LONGEST_READ + "1]")
    assert json.loads(call.response) == {"not kept": f"a body of {2 * LONGEST_READ + 3} characters"}


@pytest.mark.heavy
def test_a_long_page_is_masked_before_it_is_cut() -> None:
    people = "Asha Rao 98123 45678 asha@mail.example the-secret"
    page = "<html>" + "".join(f"<p>{number} {people}</p>" for number in range(2000))
    for start in range(40):  # one of these cuts goes through each of them
        call = request().call(response=" " * start + page)
        assert len(call.response.encode()) <= LONGEST_KEPT
        assert not any(word in call.response for word in ("Asha", "98123", "asha", "the-secret"))


def test_a_long_run_of_letters_is_masked_quickly() -> None:
    started = time.perf_counter()
    assert request().call(response="A" * 200_000).response == "A" * LONGEST_KEPT
    assert time.perf_counter() - started < 2


def test_an_error_with_clickposts_message_contains_no_personal_data() -> None:
    message = "ASHA RAO of 12 mg road, pune (+91 98123 45678, asha@mail.example) is away. Dear Asha"
    reply = Reply(http_status=200, body={"meta": {"status": 319, "message": message}}, text=message)
    text = str(failure(HttpExchange(call=request().call(response=message), request=request(), reply=reply)))
    assert text.startswith("create-order: ClickPost 319")
    masked = "a*** r*** of [address of 16 characters] (************678, a***@mail.example) is away. dear a***"
    assert masked in text.casefold()


def test_a_text_cut_within_a_name_does_not_end_with_part_of_it() -> None:
    veil = Veil(MASKED)
    _ = veil.value({"drop_info": DROP})
    assert veil.text("the address is 12 MG Road, Pu") == "the address is ..."
    assert veil.text("we asked Asha R") == "we asked ..."
    assert veil.text("an order of MG") == "an order of MG"
