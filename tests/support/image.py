"""Builds and runs a Dockerfile without an engine.

Each RUN step runs in a copy of this machine's own tree. The result runs as a container does: as process 1, without
privileges, with a read-only root, on a network of its own.

    unshare --mount --propagation private python -m tests.support.image FOLDER

The copies are overlays that end with the mount namespace. Two things stand in: this machine for the base image, and the
packages of the tests' environment for what pip would download. Needs root.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
COMPLETE = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


@dataclass(frozen=True)
class Stage:
    """A stage of a Dockerfile: its instructions in order, with the words of each."""

    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def last(self, keyword: str) -> str:
        """What the last instruction of this kind says; "" if there is none."""
        return next((text for word, text in reversed(self.instructions) if word == keyword), "")


def read_stages(text: str) -> list[Stage]:
    """The stages of a Dockerfile. ARG before the first FROM counts as none."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    stages: list[Stage] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        keyword, _, rest = line.strip().partition(" ")
        if keyword == "FROM":
            stages.append(Stage(rest.partition(" AS ")[2] or "final"))
        elif keyword and stages:
            stages[-1].instructions.append((keyword, rest.strip()))
    return stages


def context() -> list[Path]:
    """The files that .dockerignore lets into the build: an allow-list."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*", "the list allows by name, and everything else stays out"
    files = [path for rule in rules if rule.startswith("!") for path in _files(ROOT / rule.removeprefix("!"))]
    kept = [rule.removeprefix("**/") for rule in rules if rule.startswith("**/")]
    return [path for path in files if not any(part.match(rule) for rule in kept for part in (path, *path.parents))]


def _files(path: Path) -> Iterator[Path]:
    yield from (path,) if path.is_file() else (one for one in path.rglob("*") if one.is_file())


def main(folder: Path) -> dict[str, object]:
    """Build all stages, run the last one, and say what was seen."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], check=True)
    files = folder / "context"
    for path in context():
        target = files / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    built: dict[str, Path] = {}
    environment: dict[str, str] = {}
    for stage in (stages := read_stages(DOCKERFILE.read_text())):
        built[stage.name], environment = _build(stage, folder / stage.name, files, built)
    return _run(stages[-1], built[stages[-1].name], environment)


def _build(stage: Stage, at: Path, files: Path, built: Mapping[str, Path]) -> tuple[Path, dict[str, str]]:
    """The stage's tree and the environment that its ENV instructions set."""
    root = _overlay(at)
    environment = dict([COMPLETE.split("=", 1)])
    arguments: dict[str, str] = {}
    folder = "/"
    for keyword, text in stage.instructions:
        if keyword == "WORKDIR":
            folder = text
            (root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif keyword == "ARG":
            arguments |= dict([text.split("=", 1)])
        elif keyword == "ENV":
            known = environment
            environment = environment | {
                name: value.replace("$PATH", known["PATH"])
                for name, value in (pair.split("=", 1) for pair in shlex.split(text))
            }
        elif keyword == "COPY":
            _copy(shlex.split(text), root, folder, files, built)
        elif keyword == "RUN":
            pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
            pip |= {"PYTHONPATH": sysconfig.get_path("purelib"), "PIP_NO_BUILD_ISOLATION": "0"}
            done = _in(root, ["sh", "-ec", text], {**pip, **arguments, **environment}, folder)
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return root, environment


def _overlay(at: Path) -> Path:
    """A tree with all of this machine's files, whose changes stay in memory. `python` is the tests' interpreter."""
    root, upper, work = at / "root", at / "upper", at / "work"
    for folder in (root, upper, work):
        folder.mkdir(parents=True)
    options = f"lowerdir=/,upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(root)], check=True)
    for name in ("proc", "dev"):
        subprocess.run(["mount", "--rbind", f"/{name}", str(root / name)], check=True)
    python = root / "usr/local/bin/python"
    python.unlink(missing_ok=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    for needed in (sys.executable, sys.base_prefix, str(ROOT)):  # a base image's interpreter is everyone's
        for parent in [Path(needed), *Path(needed).parents][:-1]:
            inside = root / str(parent).lstrip("/")
            inside.chmod(inside.stat().st_mode | 0o111)
    return root


def _copy(words: list[str], root: Path, folder: str, files: Path, built: Mapping[str, Path]) -> None:
    origin = files
    if words[0].startswith("--from="):
        origin = built[words.pop(0).removeprefix("--from=")]
    *sources, target = words
    into = root / (Path(folder) / target).as_posix().lstrip("/")
    for source in sources:
        path = origin / source.lstrip("/")
        if path.is_dir():
            shutil.copytree(path, into, symlinks=True, dirs_exist_ok=True)
        elif target.endswith("/"):
            into.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, into / path.name)
        else:
            shutil.copy2(path, into)


def _in(
    root: Path, command: Sequence[str], environment: Mapping[str, str], folder: str, *, user: str = ""
) -> subprocess.CompletedProcess[str]:
    inside = ["env", "-i", f"--chdir={folder}", *(f"{name}={value}" for name, value in environment.items())]
    return subprocess.run(
        ["chroot", str(root), *_as(user), *inside, *command], capture_output=True, text=True, timeout=100, check=False
    )


def _as(user: str) -> list[str]:
    """As this user and group, with no capability and no way to get one."""
    if not user:
        return []
    uid, _, gid = user.partition(":")
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs", "--bounding-set=-all"]


def _run(stage: Stage, root: Path, environment: dict[str, str]) -> dict[str, object]:
    (packages,) = root.glob("opt/awbridge/lib/python3.*/site-packages")
    (packages / "downloaded.pth").write_text(sysconfig.get_path("purelib") + "\n")
    compiled = [path.name for path in (packages / "awbridge").glob("__pycache__/__init__.*.pyc")]
    user, folder = stage.last("USER"), stage.last("WORKDIR")
    uid, _, gid = user.partition(":")
    subprocess.run(["mount", "-o", "remount,ro", str(root)], check=True)
    for name, options in (("tmp", "mode=1777"), (folder.lstrip("/"), f"mode=0700,uid={uid},gid={gid}")):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(root / name)], check=True)
    _enter_new_network()
    check = json.loads(stage.last("HEALTHCHECK").partition("CMD ")[2])
    command = [*json.loads(stage.last("ENTRYPOINT")), *json.loads(stage.last("CMD"))]
    health: list[int] = []
    with _process_1(root, command, environment, folder, user) as started:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and started.poll() is None:
            health.append(_in(root, check, environment, folder, user=user).returncode)
            if health[-1] == 0:
                break
            time.sleep(0.2)
        listed = _in(root, ["awbridge", "shipments", "list", "--json"], environment, folder, user=user)
        write = _in(root, ["touch", "/opt/awbridge/x"], environment, folder, user=user)
        _signal_process_1(started, signal.SIGTERM)
        code = started.wait(40)
        log = started.stdout.read() if started.stdout else ""
    data = {path.name: oct(path.stat().st_mode & 0o777) for path in (root / folder.lstrip("/")).iterdir()}
    return {
        "health": health,
        "exit": code,
        "log": log,
        "listed": [listed.returncode, listed.stdout, listed.stderr],
        "wrote": write.returncode == 0,
        "data": data,
        "after": _in(root, check, environment, folder, user=user).returncode,
        "compiled": len(compiled) == 1,
    }


@contextlib.contextmanager
def _process_1(
    root: Path, command: Sequence[str], environment: Mapping[str, str], folder: str, user: str
) -> Iterator[subprocess.Popen[str]]:
    inside = ["env", "-i", f"--chdir={folder}", *(f"{name}={value}" for name, value in environment.items())]
    whole = ["unshare", "--pid", "--fork", "--kill-child", "chroot", str(root), *_as(user), *inside, *command]
    process = subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait(60)


def _signal_process_1(process: subprocess.Popen[str], number: int) -> None:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    if children:
        os.kill(int(children[0]), number)


def _enter_new_network() -> None:
    """A network of this process alone, with nothing but loopback: the image's ports may be taken on the machine's."""
    new_network, up, get_flags, set_flags = 0x40000000, 1, 0x8913, 0x8914
    if ctypes.CDLL(None, use_errno=True).unshare(new_network):
        raise OSError(ctypes.get_errno(), "unshare")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(control, get_flags, request))[1]
        fcntl.ioctl(control, set_flags, struct.pack("16sH14s", b"lo", flags | up, b""))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
