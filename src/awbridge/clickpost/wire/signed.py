"""Masks the signatures of links to stored files: whoever holds such a link may read the file."""

from __future__ import annotations

import logging
import re

from awbridge.clickpost.wire.masking import MASK

_SIGNED = re.compile(
    r"(?P<name>(?:[?&;]|\\u0026)(?:x-(?:amz|goog)-)?"
    r"(?:signature|credential|security-token|sig|awsaccesskeyid|googleaccessid|key-pair-id)=)[^&;#\s\"'<>\\]*",
    re.IGNORECASE,
)


def mask_signed(text: str) -> str:
    """The text with the signatures of links in it replaced by ***."""
    return _SIGNED.sub(rf"\g<name>{MASK}", text) if "=" in text else text


class MaskSigned(logging.Filter):
    """A logging filter that masks signed links in what the HTTP library logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record in place; always lets it pass."""
        record.msg = mask_signed(record.getMessage())
        record.args = None
        return True
