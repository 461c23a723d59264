"""The drills of outages in their short form: each outage once, under load, and every promise is kept."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from awbridge.rehearsal.outages.load import SENDERS
from awbridge.rehearsal.outages.plan import NAMES, OutagePlan, lacking
from awbridge.rehearsal.outages.run import run_outages
from awbridge.rehearsal.verdict import Verdict
from tests.support.absent import absent
from tests.support.forked import fork_processes
from tests.support.older import older_version

# A busy machine may take minutes to start so many processes.
pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(900)]

PROCESSES = ("upgrade", "kill", "clocks", "vendor-down", "storm")
SERVERS = ("postgres-restart", "postgres-stop", "failover", "pooler", "disk-full")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where PostgreSQL's own user may go, unlike tmp_path."""
    with tempfile.TemporaryDirectory(prefix="awbridge-drill-") as made:
        yield Path(made)


async def drilled(names: tuple[str, ...], folder: Path, *, per_second: float, older: Path | None = None) -> Verdict:
    plan = OutagePlan(names=names, minutes=0, per_second=per_second, older=older)
    if missing := lacking(plan):
        absent(str(missing))
    verdict = await run_outages(plan, folder)
    log = (folder / "drill.log").read_text()[-3000:]
    assert verdict.faults == [], log
    assert [one for one in verdict.promises if one.broken] == [], log
    assert [one for one in verdict.promises if not one.of] == [], "nothing was counted, so nothing was proved"
    assert verdict.good
    return verdict


async def test_nothing_is_lost_or_doubled_while_replicas_and_clickpost_fail(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork_processes(monkeypatch)
    numbers = (await drilled(PROCESSES, folder, per_second=2, older=older_version(folder))).numbers
    assert numbers["replicas upgraded from the older version"] == 4
    assert numbers["replicas killed"] == 3
    assert numbers["replicas with a clock 30 s ahead"] == 2
    assert numbers["hours without ClickPost"] == 1
    assert numbers["new webhooks acknowledged in storms"] >= SENDERS
    assert numbers["webhooks sent once more in storms"] > 100


async def test_nothing_is_lost_or_doubled_while_postgresql_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fork_processes(monkeypatch)
    numbers = (await drilled(SERVERS, folder, per_second=4)).numbers  # which fill the disk
    assert numbers["primary crashed, replica promoted"] == 1
    assert numbers["connections to PostgreSQL cut"] > 8
    assert numbers["writes refused for lack of space"] > 0
    assert numbers["requests repeated by the shop"] > 0, "nothing failed, so nothing was proved"


def test_every_outage_has_its_short_form_here() -> None:
    assert sorted((*PROCESSES, *SERVERS)) == sorted(NAMES)
