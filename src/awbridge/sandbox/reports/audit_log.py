"""ClickPost's records of what people did: the audit log of an account, the returns that customers asked for."""

import re

from awbridge.sandbox.requests import auth_problem
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import done, refused
from awbridge.sandbox.wire.http import Answer, Call
from awbridge.sandbox.wire.json import JsonObject
from awbridge.sandbox.wire.timestamps import utc_t

HOUR = 3600


async def audit_log(sandbox: Sandbox, call: Call) -> Answer:
    """GET audit-log-data: what was done in the hour in which `log_epoch_time` lies, newest first."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    given = call.query.get("log_epoch_time", "")
    if not re.fullmatch(r"\d{1,11}", given, re.ASCII):
        return refused(400, "log_epoch_time is required, in epoch seconds")
    start = int(given) // HOUR * HOUR
    name = sandbox.config.username
    rows: list[JsonObject] = [
        {
            "ip_address": "192.0.2.10",
            "service_type": deed.service,
            "log_uuid": deed.id,
            "username": name,
            "user_email": f"{name}@example.com",
            "payload": deed.payload,
            "created_at": utc_t(deed.done_at),
        }
        for deed in reversed(sandbox.office.deeds)
        if start <= deed.done_at < start + HOUR
    ]
    return done(rows, "Success")
