"""Checks of the hosts that awbridge calls: whether their names resolve, and when their certificates expire."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING, CheckContext, Diagnosis
from awbridge.app.settings import Settings
from awbridge.app.settings.types import read_options
from awbridge.certificates import trusted
from awbridge.store.notify import endpoints
from awbridge.store.polling import webhook_keys

EXPIRES_WITHIN = timedelta(days=14)
LONGEST = 8.0  # seconds for the name and the certificate of one host
MOST = 40  # hosts that are checked
_TLS_PORTS = {"https": 443, "smtps": 465}
_PLAIN_PORTS = {"http": 80, "smtp": 587}


@dataclass(frozen=True, slots=True, order=True)
class Host:
    """A host that is called. `tls`: whether the connection begins with TLS."""

    name: str
    port: int
    tls: bool

    @property
    def is_address(self) -> bool:
        """Whether it is an IP address, which needs no name service."""
        try:
            ip_address(self.name)
        except ValueError:
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """What was found about a host. `expires_at`: of its certificate, None if none was seen; `problem`: "" if none."""

    host: Host
    expires_at: datetime | None = None
    problem: str = ""
    do: str = ""


async def check_hosts(context: CheckContext) -> list[Diagnosis]:
    async with context.store.read() as session:
        urls = [e.url for e in await endpoints.every(session) if e.enabled]
        urls += [context.url, *(key.webhook_url for key in await webhook_keys.listed(session))]
    hosts = sorted({host for url in (*called_urls(context.settings), *urls) if (host := read_host(url))})[:MOST]
    states = await asyncio.gather(*map(look_at, hosts))
    return judge_hosts(states, now=context.clock())


def called_urls(settings: Settings) -> list[str]:
    """The URLs of the settings that are called, and the page that customers call."""
    options = read_options(settings.archive_options.get_secret_value())
    return [
        settings.clickpost_url,
        settings.clickpost_tracking_url,
        settings.clickpost_serviceability_url,
        settings.clickpost_edd_url,
        settings.oidc_issuer,
        settings.smtp_url.get_secret_value(),
        options.get("endpoint", ""),
        settings.track_url,
    ]


def read_host(url: str) -> Host | None:
    """The host of a URL; None where there is none."""
    try:
        parts = urlsplit(url)
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    tls = parts.scheme in _TLS_PORTS
    usual = _TLS_PORTS.get(parts.scheme) or _PLAIN_PORTS.get(parts.scheme)
    return Host(name, port or usual, tls) if name and usual else None


async def look_at(host: Host) -> HostState:
    """Resolve a host's name and, where it speaks TLS, read the dates of its certificate."""
    try:
        async with asyncio.timeout(LONGEST):
            if not host.is_address:
                await asyncio.get_running_loop().getaddrinfo(host.name, host.port)
            if not host.tls or "https" in getproxies():  # a proxy reads the certificate
                return HostState(host=host)
            return HostState(host=host, expires_at=await _certificate_expiry(host))
    except ssl.SSLCertVerificationError as error:
        problem = f"its certificate is not valid ({error.verify_message})"
        return HostState(host=host, problem=problem, do="renew it, or trust its issuer with SSL_CERT_FILE")
    except ssl.SSLError as error:
        return HostState(host=host, problem=f"TLS failed ({error.reason or 'no reason'})", do="check the URL's port")
    except TimeoutError:
        do = "check the firewall and the DNS server of this machine"
        return HostState(host=host, problem=f"no answer within {LONGEST:g} s", do=do)
    except UnicodeError:
        return HostState(host=host, problem="is not a host name", do="correct the setting")
    except socket.gaierror:
        do = "check the spelling, and the DNS server of this machine"
        return HostState(host=host, problem="its name does not resolve", do=do)
    except OSError as error:
        do = "check that it runs, and the firewall"
        return HostState(host=host, problem=f"cannot be reached ({error.strerror or type(error).__name__})", do=do)


async def _certificate_expiry(host: Host) -> datetime | None:
    _, writer = await asyncio.open_connection(host.name, host.port, ssl=trusted(), server_hostname=host.name)
    try:
        found: dict[str, Any] = writer.get_extra_info("peercert") or {}
    finally:
        writer.transport.abort()
    until: str | None = found.get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC) if until else None


def judge_hosts(states: list[HostState], *, now: datetime) -> list[Diagnosis]:
    """Diagnose what was found: names, certificates that are about to expire, or that all is well."""
    found: list[Diagnosis] = []
    for state in states:
        name = f"{state.host.name}:{state.host.port}"
        if state.problem:
            found.append(Diagnosis("hosts", WARNING, f"{name}: {state.problem}", state.do))
        elif state.expires_at and state.expires_at - now < EXPIRES_WITHIN:
            days = (state.expires_at - now).days
            text = f"{name}: its certificate expires on {state.expires_at:%Y-%m-%d}, in {days} days"
            found.append(Diagnosis("hosts", WARNING if days >= 0 else PROBLEM, text, "renew it, or tell its owner"))
    if found:
        return found
    dates = [state.expires_at for state in states if state.expires_at]
    first = f"; the first certificate expires on {min(dates):%Y-%m-%d}" if dates else ""
    return [Diagnosis("hosts", OK, f"{len(states)} hosts resolve{first}")]
