"""An account moves to another server and back, by the steps of growth.md, while its parcels are under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from awbridge.app.accounts.sealed import new_key
from tests.e2e.test_restored import Drill, command, simulated, until
from tests.support.fork_server import Forked
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.processes import WEBHOOK_KEY, Running, bridge_environment, environment, running
from tests.support.receivers import http_server

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(400)]

ACCOUNT = "gulf"
EACH = 10  # orders sent before a move and after it


@dataclass
class Site:
    """The service, of which one account is moved."""

    home: Running
    env: Mapping[str, str]
    folder: Path
    drill: Drill = field(init=False)

    async def awbridge(self, *arguments: str) -> str:
        """What `awbridge` with these arguments prints."""
        return await command(self.env, self.folder, *arguments)

    async def until_served(self) -> None:
        """The service looks at its accounts within seconds."""
        url = f"{self.drill.bridge.url}/v1/shipments"
        await until(lambda: httpx2.get(url, verify=False).status_code == 200, f"{ACCOUNT} is not served")

    async def orders(self) -> None:
        """More orders, all of which are placed."""
        first = len(self.drill.references)
        await self.drill.send(EACH, first=first, wait_for=first + EACH)

    async def doctor(self) -> str:
        """What the doctor of the account says, whatever its exit code is."""
        log = self.folder / "doctor.log"
        process = Forked(["--account", ACCOUNT, "doctor"], environment(self.env), self.folder, log)
        await asyncio.to_thread(process.wait, 60)
        return log.read_text()

    async def move(self, url: str) -> None:
        """The steps of growth.md, to the database of this URL."""
        named = self.folder / f"url-{len(self.drill.references)}"
        named.write_text(url)
        file = named.with_suffix(".zip").name
        await self.awbridge("accounts", "suspend", ACCOUNT)
        since = datetime.now(UTC)
        await self.awbridge("accounts", "export", ACCOUNT, file)
        await self.awbridge("accounts", "set", ACCOUNT, f"database_url_file={named}")
        await self.awbridge("accounts", "migrate")
        await self.awbridge("accounts", "import", ACCOUNT, file)
        await self.awbridge("accounts", "resume", ACCOUNT)
        await self.until_served()
        await self.awbridge("--account", ACCOUNT, "catch-up", "--from", since.isoformat())


@asynccontextmanager
async def site(postgres: PostgresServer, folder: Path) -> AsyncGenerator[Site]:
    """A home and one account on this server, and a sandbox that sends the account its webhooks."""
    port = free_port()
    account = f"AWBRIDGE_ACCOUNTS__{ACCOUNT.upper()}__"
    async with http_server() as gateway:
        with simulated(folder) as sandbox:
            env = {
                **bridge_environment(await postgres.new_database(), sandbox.url, port),
                "AWBRIDGE_ACCOUNTS_KEY": new_key(),
                "AWBRIDGE_DATA_DIR": str(folder / "data"),
                "AWBRIDGE_CATCH_UP_WINDOW_SECONDS": "4",
                "AWBRIDGE_CATCH_UP_LAG_SECONDS": "0.5",
                "AWBRIDGE_POLLING_CALLS_PER_SECOND": "100",
                "AWBRIDGE_POLL_AGAIN_SECONDS": "2",  # within which a gap in a timeline is found
                f"{account}CLICKPOST_USERNAME": "sandbox",
                f"{account}CLICKPOST_KEY": "sandbox-key",
                f"{account}WEBHOOK_KEYS": WEBHOOK_KEY,
            }
            with running(["serve"], env, folder, port) as home:
                found = Site(home, env, folder)
                await found.awbridge("accounts", "add", ACCOUNT)
                below = Running(["serve"], env, folder, port)
                below.url = f"{home.url}/a/{ACCOUNT}"
                found.drill = Drill(below, sandbox, gateway)
                await found.awbridge(
                    "--account", ACCOUNT, "webhook", "register", f"{below.url}/webhooks/clickpost", "--wait", "0"
                )
                await found.until_served()
                yield found


async def test_an_account_moves_to_another_server_and_back(postgres: PostgresServer, tmp_path: Path) -> None:
    async with site(postgres, tmp_path) as moved:
        with postgres_server() as other:
            await moved.orders()
            await moved.move(other.url())
            assert f"schema account_gulf of postgres at 127.0.0.1:{other.port}" in await moved.awbridge(
                "accounts", "list"
            )
            await moved.orders()
            home = moved.env["AWBRIDGE_DATABASE_URL"]
            postgres.execute(home, "DROP SCHEMA account_gulf CASCADE")  # once there is a backup of the new server
            await moved.move(home)
            await moved.orders()
        await moved.drill.settle()
        await until(lambda: not moved.drill.differences(), "differences stay")
