"""The shop's looks on the customer's page: its name, its colour with readable text on it, how it is reached. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_COLOUR = "#1f4fbf"
READABLE = 4.5  # the contrast of text with its background that WCAG 2.2 asks for at level AA
LIGHT_PAPER, DARK_PAPER = "#ffffff", "#1a1d21"  # what texts in the shop's colour stand on, as in page.css

_COLOUR = re.compile(r"#[0-9a-f]{6}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """The shop as customers know it. Texts are "" where the shop states none."""

    name: str = ""
    colour: str = DEFAULT_COLOUR
    support_url: str = ""
    support_phone: str = ""
    support_mail: str = ""
    footer: str = ""

    @property
    def has_support(self) -> bool:
        """Whether a customer can ask the shop."""
        return bool(self.support_url or self.support_phone or self.support_mail)


def read_colour(text: str) -> str:
    """A colour as #rrggbb, in lower case. Raises ValueError."""
    if not _COLOUR.fullmatch(text.strip()):
        raise ValueError("write a colour as #rrggbb, such as #1f4fbf")
    return text.strip().lower()


def colour_rules(colour: str) -> str:
    """The shop's colour as CSS variables: itself, text on it, and as a text colour on light and on dark paper."""
    light, dark = readable_on(colour, LIGHT_PAPER), readable_on(colour, DARK_PAPER)
    return (
        f":root{{--brand:{colour};--on-brand:{text_on(colour)};--accent:{light}}}\n"
        f"@media(prefers-color-scheme:dark){{:root{{--accent:{dark}}}}}\n"
    )


def text_on(colour: str) -> str:
    """Black or white: whichever reads better on this colour."""
    return max(("#ffffff", "#000000"), key=lambda text: contrast(text, colour))


def readable_on(colour: str, paper: str) -> str:
    """The colour, moved towards black or white until text in it reads on this paper."""
    target = text_on(paper)
    for share in range(21):
        mixed = _mix(colour, target, share / 20)
        if contrast(mixed, paper) >= READABLE:
            return mixed
    return target


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21, as WCAG defines it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [p / 12.92 if (p := part / 255) <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for part in _parts(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _mix(colour: str, target: str, share: float) -> str:
    pairs = zip(_parts(colour), _parts(target), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
