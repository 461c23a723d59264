"""ClickPost's endpoints about an account as such: login by password, services."""

import hashlib

from awbridge.sandbox.requests import auth_problem, object_in
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import flat, meta, refused
from awbridge.sandbox.wire.http import Answer, Call, reply
from awbridge.sandbox.wire.json import as_text
from awbridge.sandbox.wire.timestamps import utc_t

TOKEN_SECONDS = 30 * 86400
SERVICES = (1, 2)
"""Selected events, and all statuses."""


async def login(sandbox: Sandbox, call: Call) -> Answer:
    """POST user/token: trades a password for a token. A good answer has no envelope."""
    given = object_in(call, http=400)
    if isinstance(given, Answer):
        return given
    if (given.get("username"), given.get("password")) != (sandbox.config.username, sandbox.config.password):
        return refused(400, "Invalid username or password", http=400)
    now = sandbox.clock.real()
    sandbox.office.note("User Login: via API", None, at=now)
    token = hashlib.blake2b(f"{sandbox.config.seed}:{now}".encode(), digest_size=20).hexdigest()
    return reply({"token": token, "expires_at": utc_t(now + TOKEN_SECONDS)})


async def register_service(sandbox: Sandbox, call: Call) -> Answer:
    """POST register-service: subscribes the account. Flat, like the registration of a webhook; again is 304."""
    given = object_in(call)
    if isinstance(given, Answer):
        return flat(400, "The body is not a JSON object")
    service = as_text(given.get("service_id"))
    if as_text(given.get("key")) != sandbox.config.key:
        return flat(301)
    if not service.isdecimal() or int(service) not in SERVICES:
        return flat(400, "service_id is 1 or 2")
    if int(service) in sandbox.office.services:
        return flat(304)
    sandbox.office.services.add(int(service))
    return flat(200, "SUCCESS")


async def fetch_accounts(sandbox: Sandbox, call: Call) -> Answer:
    """GET fetch-accounts: with active=True only the active ones."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    active = call.query.get("active", "True")
    if active.lower() not in ("true", "false"):
        return reply({"meta": meta(400, f"[{active!r} is neither True nor False]")})
    everyone = active.lower() == "false"
    fields = {"courier_partner_id", "courier_name", "account_code", "account_active"}
    rows = [
        account.model_dump(include=fields) for account in sandbox.config.accounts if everyone or account.account_active
    ]
    result = {"enterprise_name": sandbox.config.enterprise_name, "accounts": rows}
    return reply({"meta": meta(200, "SUCCESS"), "result": result})
