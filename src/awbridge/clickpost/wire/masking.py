"""Masks secrets in URLs and texts before they are stored or printed: ClickPost's API key is in the URL.

Signatures of links to stored files are secrets too: anyone with such a link can read the file.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, quote_plus

MASK = "***"

_NAMES = r"(?:api|access|auth|webhook|secret|private)?[_-]?(?:key|token|secret|password|passwd|auth|authorization)"
_QUERY = re.compile(rf"(?P<name>[?&;](?:x-)?{_NAMES}=)[^&;#\s\"'<>\\]*", re.IGNORECASE)
_USERINFO = re.compile(r"(?P<before>://[^\s/?#:@]*):[^\s/?#@]*@")
# In JSON, only names that are never anything but a secret: a payload may well hold {"key": ..., "value": ...}.
_FIELD = re.compile(
    r"(?P<name>[\"'](?:webhook_key|(?:x-)?api[_-]?key|access_token|refresh_token|auth_token|token|password)[\"']\s*:\s*)"
    r"(?:\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|[^\s,}\]\"']+)",
    re.IGNORECASE,
)
_FIELD_WORDS = ("webhook_key", "api_key", "api-key", "apikey", "token", "password")  # one of them is in each such name

_SIGNED = re.compile(
    r"(?P<name>(?:[?&;]|\\u0026)(?:x-(?:amz|goog)-)?"
    r"(?:signature|credential|security-token|sig|awsaccesskeyid|googleaccessid|key-pair-id)=)[^&;#\s\"'<>\\]*",
    re.IGNORECASE,
)


def mask_url(url: str) -> str:
    """The URL with keys, tokens and passwords replaced by ***. The username stays: it identifies the account."""
    if "://" in url:
        url = _USERINFO.sub(rf"\g<before>:{MASK}@", url)
    return _QUERY.sub(rf"\g<name>{MASK}", url) if "=" in url else url


def mask_text(text: str, secrets: Iterable[str]) -> str:
    """The text without these secrets (also as they look inside a URL or JSON), nor secrets of any URL or JSON in it.

    Every body of every call passes here: cheap checks come before the regular expressions.
    """
    for secret in _spellings(tuple(secrets)):
        text = text.replace(secret, MASK)
    text = mask_url(text)
    folded = text.casefold()  # ignores case as the pattern does; lower() would leave a long s
    return _FIELD.sub(rf'\g<name>"{MASK}"', text) if any(map(folded.__contains__, _FIELD_WORDS)) else text


@lru_cache(maxsize=64)
def _spellings(secrets: tuple[str, ...]) -> list[str]:
    found: set[str] = set()
    for secret in filter(None, secrets):
        found |= {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), json.dumps(secret)[1:-1]}
    return sorted(found, key=len, reverse=True)


def mask_signed(text: str) -> str:
    """The text with the signatures of links in it replaced by ***."""
    return _SIGNED.sub(rf"\g<name>{MASK}", text) if "=" in text else text


class MaskUrls(logging.Filter):
    """A logging filter that masks URLs and signed links in the HTTP library's log, which would print the key."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record in place; always lets it pass."""
        record.msg = mask_signed(mask_url(record.getMessage()))
        record.args = None
        return True
