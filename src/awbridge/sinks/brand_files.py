"""Reads the shop's logo and CSS for the customer's page from files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from awbridge.domain.errors import SettingsError

LARGEST_LOGO = 200 * 1024  # bytes
LARGEST_CSS = 100 * 1024  # bytes
KINDS = "PNG, SVG, JPEG or WebP"


@dataclass(frozen=True, slots=True)
class Logo:
    """The shop's logo: its bytes, its media type, its file extension."""

    content: bytes
    media_type: str
    extension: str


def read_logo(path: Path) -> Logo:
    """A logo. What it is says its content, not its name. Raises SettingsError."""
    content = _read("AWBRIDGE_TRACK_LOGO", path, LARGEST_LOGO)
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return Logo(content, "image/png", "png")
    if content.startswith(b"\xff\xd8\xff"):
        return Logo(content, "image/jpeg", "jpg")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return Logo(content, "image/webp", "webp")
    if _is_svg(content):
        return Logo(content, "image/svg+xml", "svg")
    raise SettingsError(f"AWBRIDGE_TRACK_LOGO: {path} is not a {KINDS} file.")


def read_css(path: Path) -> bytes:
    """A file of CSS. Raises SettingsError."""
    content = _read("AWBRIDGE_TRACK_CSS", path, LARGEST_CSS)
    try:
        content.decode()
    except UnicodeDecodeError:
        raise SettingsError(f"AWBRIDGE_TRACK_CSS: {path} is not text in UTF-8.") from None
    return content


def _read(setting: str, path: Path, largest: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise SettingsError(f"{setting}: {path} cannot be read: {error.strerror}.") from None
    if len(content) > largest:
        raise SettingsError(f"{setting}: {path} has more than {largest // 1024} KiB.")
    if not content:
        raise SettingsError(f"{setting}: {path} is empty.")
    return content


def _is_svg(content: bytes) -> bool:
    beginning = content[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")
    return beginning.startswith((b"<svg", b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in content[:4000]
