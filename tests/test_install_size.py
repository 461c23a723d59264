"""What a plain installation brings, by the records of the packages that are installed here with it."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MOST = 110_000_000  # bytes


def brought(lines: list[str]) -> dict[str, Distribution]:
    """The distributions that these requirements install, with those that they need in turn, by their names."""
    found: dict[str, Distribution] = {}
    asked: set[tuple[str, str]] = set()
    waiting = [(Requirement(line), "") for line in lines]
    while waiting:
        wanted, of_extra = waiting.pop()
        if wanted.marker and not wanted.marker.evaluate({"extra": of_extra}):
            continue
        name = normal(wanted.name)
        found.setdefault(name, distribution(name))
        for extra in {"", *wanted.extras}:
            if (name, extra) not in asked:
                asked.add((name, extra))
                waiting += [(Requirement(line), extra) for line in found[name].requires or []]
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def size(one: Distribution) -> int:
    """Bytes of the files in site-packages, without modules that were compiled here."""
    files = one.files or []
    assert files, f"{one.name} has no record of its files"
    return sum(file.size or 0 for file in files if ".." not in file.parts and file.suffix != ".pyc")


def test_a_plain_installation_takes_less_than_110_mb() -> None:
    sizes = {name: size(one) for name, one in brought(PROJECT["dependencies"]).items()}
    sizes["awbridge"] = sum(f.stat().st_size for f in (ROOT / "src").rglob("*") if f.is_file() and f.suffix != ".pyc")
    assert sizes["awbridge"] > 5_000_000, "the files of awbridge itself are missing"
    assert sizes["aiohttp"] > 1_000_000, "a package's files are missing"
    largest = sorted(sizes, key=lambda name: -sizes[name])[:12]
    assert sum(sizes.values()) < MOST, {name: f"{sizes[name] / 1e6:.1f} MB" for name in largest}


def test_each_optional_part_brings_something_that_a_plain_installation_lacks() -> None:
    plain = set(brought(PROJECT["dependencies"]))
    parts = {name: lines for name, lines in PROJECT["optional-dependencies"].items() if name not in NO_PARTS}
    assert [name for name, lines in parts.items() if {normal(Requirement(line).name) for line in lines} & plain] == []
    assert "apprise" in brought(parts["messages"])
    assert "requests" not in plain


NO_PARTS = ("all", "bench", "deploy", "dev")
