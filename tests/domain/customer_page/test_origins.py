"""Which sites may read a parcel's JSON: exact origins, https but for this machine, and every site only if said."""

from __future__ import annotations

import pytest

from awbridge.domain.customer_page.origins import read_origins


@pytest.mark.parametrize(
    ("text", "origin", "allowed"),
    [
        ("https://shop.example", "https://shop.example", "https://shop.example"),
        ("https://shop.example, https://b.example", "https://b.example", "https://b.example"),
        ("HTTPS://Shop.Example:443/", "https://shop.example", "https://shop.example"),
        ("https://shop.example:8443", "https://shop.example:8443", "https://shop.example:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080", "http://[::1]:8080"),
        ("https://shop.example", "https://shop.example.evil.example", ""),
        ("https://shop.example", "http://shop.example", ""),
        ("https://shop.example", "https://shop.example:8443", ""),
        ("https://shop.example", "null", ""),
        ("https://shop.example", "", ""),
        ("", "https://shop.example", ""),
        ("*", "https://anything.example", "*"),
    ],
)
def test_only_named_sites_may_read(text: str, origin: str, allowed: str) -> None:
    assert read_origins(text).allowed(origin) == allowed


@pytest.mark.parametrize(
    "text",
    [
        *("shop.example", "http://shop.example", "https://*.shop.example", "https://shop.example/path", "null"),
        *("https://shop.example?x", "https://a@shop.example", "https://shop.example, *", "https://shop.example:x"),
        *("https://", "ftp://shop.example", "https://läden.example", "//shop.example"),
    ],
)
def test_anything_but_an_exact_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write origins like|needs https|stands alone"):
        read_origins(text)


def test_whether_any_site_may_read() -> None:
    assert [bool(read_origins(text)) for text in ("", "https://shop.example", "*")] == [False, True, True]
