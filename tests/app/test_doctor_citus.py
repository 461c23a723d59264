"""What the doctor says of Citus. tests/e2e/test_citus.py asks a real one, where Citus is installed."""

from __future__ import annotations

import pytest

from awbridge.app.doctor import postgres as doctor
from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING, CheckContext, Diagnosis
from awbridge.app.settings import Settings
from awbridge.store import Store
from awbridge.store.engine.clocks.shared_time import SHARED_TIME
from awbridge.store.engine.detect.citus import Citus


def diagnosed(*, schema: str = "account_gulf", hides: bool = False, node: str | None = None) -> Diagnosis:
    return doctor.of_citus(Citus(version="13.2-1", schema=schema, hides=hides, node=node))


@pytest.mark.parametrize(
    ("found", "level", "text", "do"),
    [
        (diagnosed(hides=True), PROBLEM, "takes seconds", "SET citus.override_table_visibility = off"),
        (
            diagnosed(),
            WARNING,
            "does not distribute the schema account_gulf",
            "citus_schema_distribute('account_gulf')",
        ),
        (diagnosed(schema="public"), OK, "stays on the coordinator", ""),
        (diagnosed(node="worker2:5432"), OK, "keeps the schema account_gulf on worker2:5432", ""),
    ],
)
def test_what_is_said_of_citus(found: Diagnosis, level: str, text: str, do: str) -> None:
    assert found.level == level
    assert text in found.found
    assert do in found.do


async def test_a_database_without_citus_has_no_line(store: Store) -> None:
    context = CheckContext(settings=Settings(), store=store, clickpost=None, clock=SHARED_TIME.now, url="")
    assert await doctor.check_citus(context) == []
