"""Open awbridge's pages and send their forms as a browser does."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import httpx2

from tests.support.app import Web

HERE = {"host": "localhost:8000"}
OUR_FORM = {**HERE, "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}


async def open_page(web: Web, path: str) -> str:
    """The HTML of a page."""
    answer = await web.http.get(path, headers=HERE)
    assert answer.status_code == 200, answer.text
    return answer.text


async def send_form(
    web: Web, path: str, fields: Sequence[tuple[str, str]] | Mapping[str, str], *, status: int = 200
) -> str:
    """Send a form; the HTML of the answer."""
    answer = await web.http.post(path, headers=OUR_FORM, content=urlencode(fields))
    assert answer.status_code == status, answer.text
    return answer.text


async def upload(web: Web, path: str, name: str, content: bytes, **fields: str) -> httpx2.Response:
    """Send a form with a file; the answer. Without a name, no file is chosen."""
    headers = {**HERE, "sec-fetch-site": "same-origin"}
    file = (name, content, "application/octet-stream")
    return await web.http.post(path, headers=headers, data=fields, files={"file": file})


def hidden_fields(shown: str) -> list[tuple[str, str]]:
    """The hidden fields of a page's form."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', shown)
    return [(name, html.unescape(value)) for name, value in found]


def next_page(shown: str) -> str:
    """The path of the next page of a list; "" on the last."""
    following = re.search(r'class="next" href="([^"]+)"', shown)
    return html.unescape(following[1]) if following else ""
