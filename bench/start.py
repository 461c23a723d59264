"""How long commands take to start, and how much memory the idle service holds, today's build beside another one.

Today's build is installed alone, as users have it: several of its dependencies import what the development tools bring
along (structlog imports rich where it finds it), which takes longer than the rest of a command's start. Both builds
take turns. Processor time is user and system time together; it depends less on other load than the clock.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from bench.figures import Figure, keep

COMMANDS = (("--help",), ("shipments", "list"), ("doctor", "--help"), ("serve",))
LIMITS = {("--help",): 0.25, ("shipments", "list"): 0.4, ("doctor", "--help"): 0.4, ("serve",): 2.0}  # seconds
IDLE_LIMIT = 90  # MiB
IDLE = 6.0  # seconds after which memory is read
PROJECT = Path(__file__).parent.parent
PRODUCT = PROJECT / "build" / "product"  # an environment with awbridge alone


def _installed() -> Path:
    """The `awbridge` of today's build, installed without the development tools."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", PRODUCT], check=True)
    install = [PRODUCT / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PROJECT]
    subprocess.run(install, check=True)
    return PRODUCT / "bin/awbridge"


def _environment(port: int) -> dict[str, str]:
    """Bytecode is kept, as in an installation; else each start would compile the package."""
    left_out = ("AWBRIDGE_", "PYTHONDONTWRITEBYTECODE")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    urls = {f"AWBRIDGE_CLICKPOST_{host}URL": "http://127.0.0.1:9" for host in ("", "TRACKING_")}
    account = {"AWBRIDGE_CLICKPOST_USERNAME": "u", "AWBRIDGE_CLICKPOST_KEY": "k", "AWBRIDGE_LOG_LEVEL": "error"}
    return clean | urls | account | {"AWBRIDGE_PORT": str(port)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def measure(executable: Path, command: tuple[str, ...]) -> tuple[float, float, float]:
    """(seconds, processor seconds, MiB): until the end, or until the service listens. MiB: of the idle service."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{folder}/start.db"
        env = _environment(port) | {"AWBRIDGE_DATABASE_URL": database}
        if command == ("shipments", "list"):
            subprocess.run([executable, "migrate"], env=env, cwd=folder, check=True, capture_output=True)
        started = time.monotonic()
        process = subprocess.Popen([executable, *command], env=env, cwd=folder, stdout=subprocess.DEVNULL)
        if command != ("serve",):
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise click.ClickException(f"{' '.join(command)} ended with {process.returncode}")
            return time.monotonic() - started, used.ru_utime + used.ru_stime, 0.0
        while not _listens(port):
            time.sleep(0.02)
        took = time.monotonic() - started
        stat = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        cpu = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
        time.sleep(IDLE)
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
        process.terminate()
        process.wait(30)
        return took, cpu, pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--before", type=click.Path(exists=True, path_type=Path), help="The `awbridge` of another build.")
def start(rounds: int, before: Path | None) -> None:
    """Start of commands and of the service."""
    builds = {"now": _installed(), **({"before": before.absolute()} if before else {})}
    for command in COMMANDS:
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in builds}
        for _ in range(rounds):
            for name, executable in builds.items():
                found[name].append(measure(executable, command))
        for name, runs in found.items():
            seconds, cpu, memory = (statistics.median(column) for column in zip(*runs, strict=True))
            held = f"  {memory:5.0f} MiB" if memory else ""
            if name == "now":
                line = f"awbridge {' '.join(command)}"
                keep(Figure(line=line, now=seconds, unit="s", most=LIMITS[command]))
                if memory:
                    keep(Figure(line="idle service", now=memory, unit="MiB", most=IDLE_LIMIT))
            click.echo(f"{' '.join(command):<16} {name:<7} {seconds:6.2f} s  {cpu:6.2f} s CPU{held}")
