"""Every script of findings/ has the form that CONTRIBUTING.md states. Running them is `make findings`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[1] / "findings").iterdir())
PARTS = ("Versions:", "Guess:", "Behaviour:", "Output seen:")


def test_there_are_scripts_only() -> None:
    assert SCRIPTS
    assert {(script.suffix, script.stat().st_mode & 0o111 != 0) for script in SCRIPTS} == {(".sh", True)}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_finding_has_the_form(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    first, title, blank, *lines = source.splitlines()
    assert (first, blank) == ("#!/usr/bin/env bash", "#")
    assert re.fullmatch(r"# .*\d\.\d.*\.", title), "the title: the software with its version, and what it does"
    head = [line.removeprefix("#").strip() for line in lines[: next(n for n, li in enumerate(lines) if li[:1] != "#")]]
    begun = [line.split(":")[0] + ":" for line in head if line.startswith(PARTS)]
    assert begun == list(PARTS)
    assert all(len(line) <= 125 for line in lines if line.startswith("#"))
    assert "set -euo pipefail\nfolder=$(mktemp -d)\ntrap 'rm -rf \"$folder\"' EXIT\n" in source
    assert '\nseen="' in source or "\nseen=$(" in source
    assert '\necho "$seen"\n[ "' in source, "the end compares what was seen"
    assert not re.search(r"\bawbridge\b", source), "findings are about the software alone"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_finding_pins_what_it_installs(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    packages = [
        package
        for line in re.findall(r"(?:pip\" install|pip install|npm install) (.*)", source)
        for package in line.partition(" > ")[0].split()
        if not package.startswith("-")
    ]
    assert packages
    assert [p for p in packages if not re.fullmatch(r"[\w.-]+(\[[\w,]+\])?==[\d.]+|(@[\w-]+/)?[\w.-]+@[\d.]+", p)] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_finding_is_a_script(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)
