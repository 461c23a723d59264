"""Settings in a text box: a line `name = value` each."""

from __future__ import annotations

from collections.abc import Mapping

from awbridge.domain.errors import NotValid


def written(settings: Mapping[str, str]) -> str:
    """Settings as lines."""
    return "\n".join(f"{name} = {value}" for name, value in sorted(settings.items()))


def read_lines(text: str) -> dict[str, str]:
    """The settings of lines; empty lines and comments (`#`) do not count. Raises NotValid without the value."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not (line := line.strip()) or line.startswith("#"):
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        # The line may hold a secret: the text says where it is, not what it says.
        if not equals or not name:
            raise NotValid(f"line {number} is not of the form name = value")
        if name in found:
            raise NotValid(f"line {number} sets {name} a second time")
        found[name] = value
    return found
