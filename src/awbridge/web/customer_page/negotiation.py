"""What a browser accepts: languages, gzip, an unchanged page. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

LONGEST_HEADER = 500  # bytes that are read of a header

Headers = Iterable[tuple[bytes, bytes]]


def header(headers: Headers, name: bytes) -> str:
    """The values of a header, comma-separated; "" if it is missing."""
    found = [value for known, value in headers if known == name]
    return b",".join(found)[:LONGEST_HEADER].decode("latin-1") if found else ""


@lru_cache(maxsize=1024)  # browsers send few different ones
def preferred_language(accepted: str, known: Collection[str]) -> str:
    """The language of Accept-Language that the browser prefers among the known ones; "" if it accepts none of them."""
    for tag in _by_quality(accepted):
        if found := language_of_tag(tag, known):
            return found
    return ""


def language_of_tag(tag: str, known: Collection[str]) -> str:
    """The known language of a tag: hi of hi-IN; "" if there is none."""
    tag = tag.strip().lower()
    while tag:
        if tag in known:
            return tag
        tag = tag.rpartition("-")[0]
    return ""


@lru_cache(maxsize=256)
def accepts_gzip(accepted: str) -> bool:
    """Whether Accept-Encoding allows gzip."""
    return any(name in ("gzip", "*") for name in _by_quality(accepted)[:10]) and "gzip" not in _refused(accepted)


def known_tag(if_none_match: str, tags: Sequence[str]) -> str:
    """The entity tag among these that If-None-Match names, the first one for "*"; "" if none. Proxies weaken them."""
    if not if_none_match:
        return ""
    named = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return next((tag for tag in tags if tag in named or "*" in named), "")


def _by_quality(accepted: str) -> list[str]:
    """The names of an Accept header, the preferred ones first, without those of quality 0."""
    names = [(quality, -place, name) for place, (name, quality) in enumerate(_parts(accepted)) if quality > 0]
    return [name for _, _, name in sorted(names, reverse=True)]


def _refused(accepted: str) -> set[str]:
    return {name for name, quality in _parts(accepted) if quality <= 0}


def _parts(accepted: str) -> list[tuple[str, float]]:
    return [
        (name.strip().lower(), _quality(rest))
        for part in accepted.split(",")
        for name, _, rest in [part.partition(";")]
    ]


def _quality(parameters: str) -> float:
    name, _, value = parameters.replace(" ", "").partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0
