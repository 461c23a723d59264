from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.clickpost.wire.masking import MaskUrls, mask_text, mask_url

pytestmark = pytest.mark.heavy

KEY = "0f4c-secret/key+1"


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://h/api/?username=shop&key=abc", "https://h/api/?username=shop&key=***"),
        ("https://h/api/?key=abc&username=shop", "https://h/api/?key=***&username=shop"),
        (
            "https://h/?api_key=a&apikey=b&x-api-key=c&token=d&n=1",
            "https://h/?api_key=***&apikey=***&x-api-key=***&token=***&n=1",
        ),
        ("https://h/?KEY=abc#frag", "https://h/?KEY=***#frag"),
        ("https://shop:pw@h/?waybill=1", "https://shop:***@h/?waybill=1"),
        ("https://h/?monkey=abc&keyboard=1", "https://h/?monkey=abc&keyboard=1"),
        ("no url at all", "no url at all"),
        ("", ""),
    ],
)
def test_urls_lose_their_secrets_and_keep_the_rest(url: str, masked: str) -> None:
    assert mask_url(url) == masked


def test_a_secret_is_found_in_every_spelling() -> None:
    text = f'plain {KEY}, in a URL 0f4c-secret%2Fkey%2B1, in JSON {{"webhook_key": "hook\\"1", "api_key":"k", "n": 1}}'
    masked = mask_text(text, [KEY, ""])
    assert masked == 'plain ***, in a URL ***, in JSON {"webhook_key": "***", "api_key":"***", "n": 1}'


def test_a_field_is_known_however_its_name_is_written() -> None:
    for name in ("password", "PASSWORD", "Pa\u017fsword", "TO\u212aEN", "X-Api-Key", "ACCESS_TOKEN"):
        assert "hush" not in mask_text(f'{{"{name}": "hush"}}', []), name


def test_payload_fields_that_are_only_named_key_are_kept() -> None:
    text = '{"user_defined_field_array": [{"key": "gift", "value": "yes"}], "security_key": "s"}'
    assert mask_text(text, [KEY]) == text


@given(st.text(), st.text(min_size=8, alphabet=st.characters(codec="utf-8")))
def test_no_masked_text_holds_the_secret(before: str, secret: str) -> None:
    assert secret not in mask_text(f"{before}{secret}{before}", [secret]).replace("***", "")


def test_http_library_logs_show_no_key() -> None:
    record = logging.LogRecord("httpx2", logging.INFO, "", 0, "HTTP Request: %s", ("https://h/?key=abc",), None)
    assert MaskUrls().filter(record)
    assert record.getMessage() == "HTTP Request: https://h/?key=***"
