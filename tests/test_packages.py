"""What is published: a wheel and an sdist that have everything, install clean, and run the demo."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

import awbridge

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED = ["3.11", "3.12", "3.13", "3.14"]
PARTS = {"accounts", "labels", "messages", "object-storage", "oidc", "telemetry", "xlsx"}


class Packages(NamedTuple):
    sdist: Path
    wheel: Path


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """Both, built from the tracked files alone; the wheel from the sdist, as installers do it that have no wheel."""
    folder = tmp_path_factory.mktemp("packages")
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (sdist,), (wheel,) = (folder / "dist").glob("*.tar.gz"), (folder / "dist").glob("*.whl")
    return Packages(sdist, wheel)


def tracked() -> list[str]:
    """The files of the project, as git knows them; those that are not committed yet too."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in names if (ROOT / name).is_file()]


def source() -> set[str]:
    """The package's files, from its folder on: modules, statements, templates, texts, fonts, py.typed."""
    return {name.removeprefix("src/") for name in tracked() if name.startswith("src/")}


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(f"awbridge-{awbridge.__version__}.dist-info/METADATA").decode())


def required(about: Message, part: str) -> set[str]:
    """What this optional part brings."""
    lines = [line.partition("; ") for line in about.get_all("Requires-Dist", [])]
    return {package for package, _, marker in lines if marker == f"extra == '{part}'"}


def test_the_wheel_has_every_file_of_the_package_and_no_other(packages: Packages) -> None:
    with zipfile.ZipFile(packages.wheel) as archive:
        names = set(archive.namelist())
    information = f"awbridge-{awbridge.__version__}.dist-info/"
    assert {name for name in names if not name.startswith(information)} == source()
    licences = {name.removeprefix(f"{information}licenses/") for name in names if "/licenses/" in name}
    assert licences == {
        "LICENSE",
        "src/awbridge/documents/fonts/OFL.txt",
        "src/awbridge/web/pages/static/NOTICE.txt",
    }
    for kind in (".sql", ".html.j2", ".mail.j2", ".js", ".css", ".ttf", ".mo", "/py.typed"):
        assert any(name.endswith(kind) for name in names), f"the package had {kind} files"


def test_the_sdist_has_what_a_build_needs(packages: Packages) -> None:
    with tarfile.open(packages.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    rest = {name for name in names if not name.startswith("src/")}
    assert rest - {".gitignore"} == {"CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
    assert {name.removeprefix("src/") for name in names - rest} == source()


def test_the_metadata_says_where_it_runs_and_names_each_optional_part(packages: Packages) -> None:
    about = metadata(packages.wheel)
    classifiers = about.get_all("Classifier", [])
    assert [c.rpartition(" ")[2] for c in classifiers if re.search(r":: 3[.]\d+$", c)] == SUPPORTED
    assert about["Requires-Python"] == ">=3.11"
    assert about["Version"] == awbridge.__version__
    assert about["License-Expression"] == "Apache-2.0 AND OFL-1.1 AND MIT AND 0BSD"
    assert set(about.get_all("Provides-Extra", [])) >= {*PARTS, "all"}
    assert set().union(*(required(about, part) for part in PARTS)) == required(about, "all")
    readme = (ROOT / "README.md").read_text()
    assert f"Python {SUPPORTED[0]} to {SUPPORTED[-1]}" in readme


def interpreters() -> dict[str, str]:
    """Version -> path of every supported interpreter here that is not the one of the tests; the newest first."""
    found: dict[str, str] = {}
    for version in reversed(SUPPORTED):
        versions = Path.home() / ".pyenv" / "versions"
        own = [shutil.which(f"python{version}") or "", *map(str, versions.glob(f"{version}.*/bin/python"))]
        for path in filter(None, own):
            if version not in found and version not in sys.version and _version(path).startswith(f"{version}."):
                found[version] = path
    return found


def _version(python: str) -> str:
    command = [python, "-c", "import platform, venv; print(platform.python_version())"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def install(wheel: Path, python: str, folder: Path) -> Path:
    """The folder of programs of a new environment into which pip has installed the wheel and what it requires."""
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(folder / "bin" / "python")]
    done = subprocess.run(
        [*pip, "install", "--quiet", "--no-compile", "--only-binary=:all:", str(wheel)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert subprocess.run([*pip, "check"], capture_output=True, timeout=100, check=False).returncode == 0
    return folder / "bin"


def environment(home: Path) -> dict[str, str]:
    """Of a shell that knows nothing of the checkout."""
    return {"PATH": os.environ.get("PATH", ""), "HOME": str(home), "LANG": "C.UTF-8"}


@pytest.mark.timeout(600)  # on a busy machine
def test_the_demo_runs_from_the_wheel_and_ends_with_a_good_verdict(packages: Packages, tmp_path: Path) -> None:
    programs, folder = install(packages.wheel, sys.executable, tmp_path / "env"), tmp_path / "empty"
    folder.mkdir()
    where = [str(programs / "python"), "-c", "import awbridge; print(awbridge.__file__)"]
    imported = subprocess.run(where, env=environment(folder), cwd=folder, capture_output=True, text=True, check=True)
    assert imported.stdout.startswith(str(tmp_path / "env")), "it is the checkout that runs"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [str(programs / "awbridge"), "demo", "--shipments", "60", "--json"],
        env=environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = json.loads(done.stdout)
    assert (done.returncode, result["verdict"], result["faults"]) == (0, "good", []), done.stderr[-2000:]
    assert result["numbers"]["orders_created_at_ClickPost"] == 60
    assert result["numbers"]["calls_to_create_order"] > 66, "too few faults occurred"
    assert result["numbers"]["webhooks_dropped_by_ClickPost"] > 6, "there was too little to catch up"
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used < 45, "seconds of processor time: those of the clock depend on what else runs"
    assert list(folder.iterdir()) == [], "the demo left files behind"
    assert "demo --keep" in done.stderr


# The newest interpreter here besides the tests' own; EVERY_PYTHON=1 takes all of them.
OTHERS = list(interpreters().values())[: None if os.environ.get("EVERY_PYTHON") else 1]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("python", OTHERS, ids=_version)
def test_the_wheel_serves_on_other_versions_of_python(packages: Packages, python: str, tmp_path: Path) -> None:
    programs, folder = install(packages.wheel, python, tmp_path / "env"), tmp_path / "empty"
    folder.mkdir()
    command = [str(programs / "awbridge"), "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment(folder), cwd=folder, stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout
            url = next(line for line in serving.stdout if "listens on" in line).split()[-1]
            assert httpx2.get(f"{url}/healthz", timeout=10).status_code == 200
            assert "awbridge" in httpx2.get(f"{url}/setup", timeout=10).text
        finally:
            serving.send_signal(signal.SIGTERM)
        assert serving.wait(40) == 0
