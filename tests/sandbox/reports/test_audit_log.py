"""The audit log endpoint."""

import time

import pytest

from awbridge.sandbox import SandboxConfig, running
from tests.sandbox.helpers import code_of, merchant, place

AUDIT = "/api/v1/audit-log-data/"


async def test_the_audit_log_lists_the_actions_of_an_hour() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        waybill = sandbox.registry.orders["A-1"].waybill
        await http.post("/api/v1/user/token/", json={"username": "sandbox", "password": "sandbox-password"})
        await http.get("/api/v1/cancel-order/", params={"waybill": waybill, "cp_id": 4})
        rows = (await http.get(AUDIT, params={"log_epoch_time": int(time.time())})).json()["result"]
        assert {row["service_type"]: row["payload"] for row in rows} == {
            "Order: Cancel": {"awb": waybill},
            "User Login: via API": None,
        }
        assert len({row["log_uuid"] for row in rows}) == 2
        assert "password" not in str(rows)
        earlier = await http.get(AUDIT, params={"log_epoch_time": int(time.time()) - 3600})
        assert earlier.json()["result"] == []


@pytest.mark.parametrize("moment", ["", "noon", "1.5", "9" * 30])
async def test_the_audit_log_requires_a_time(moment: str) -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.get(AUDIT, params={"log_epoch_time": moment})) == 400
