"""Names that look like settings: which are none, and what was probably meant. No values are read here but a port's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from awbridge.app.settings import PREFIX, Settings
from awbridge.app.settings.types import RENAMED

CONFIG = "AWBRIDGE_CONFIG"
ACCOUNT = "AWBRIDGE_ACCOUNT"
ACCOUNT_VARIABLES = "AWBRIDGE_ACCOUNTS__"  # then the account, two underscores, and the setting
TABLE = "accounts"  # of awbridge.toml, with a table for each account
FILE_SUFFIX = "_FILE"  # a variable's twin, which names the file that holds the value
_ALIKE = 0.75  # of difflib's ratio, from 0 to 1

# What Kubernetes sets in every pod for a Service named awbridge, or awbridge-something: AWBRIDGE_SERVICE_HOST,
# AWBRIDGE_SERVICE_PORT, AWBRIDGE_PORT=tcp://10.0.0.1:80, AWBRIDGE_PORT_80_TCP_ADDR and so on.
_LINK = re.compile(r"AWBRIDGE_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_LINK_PORT = re.compile(r"AWBRIDGE_(\w+_)?PORT")
_LINK_ADDRESS = re.compile(r"(tcp|udp|sctp)://\S+:\d+", re.IGNORECASE)


def is_service_link(variable: str, value: str) -> bool:
    """Whether Kubernetes set this variable because a Service has such a name. Then it is no setting of ours."""
    if _LINK_PORT.fullmatch(variable) and _LINK_ADDRESS.fullmatch(value.strip()):
        return True
    return _LINK.fullmatch(variable) is not None


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """The variables that begin like settings and are none, as sentences that name the setting probably meant."""
    found = [
        name
        for name, value in environment.items()
        if (upper := name.upper()).startswith(PREFIX)
        and upper not in (CONFIG, ACCOUNT)
        and not upper.startswith(ACCOUNT_VARIABLES)
        and not is_known(upper.removeprefix(PREFIX).lower())
        and not is_service_link(upper, value)
    ]
    return [sentence(name, name.upper(), as_variable=True) for name in sorted(found)]


def unknown_names(names: Iterable[str], where: Mapping[str, str]) -> list[str]:
    """The same for the names in awbridge.toml. `where`: the place of each, to be shown after it."""
    unknown = [name for name in names if not is_known(name) and name != TABLE]
    return [sentence(f"{name} ({where[name]})", _variable(name), as_variable=False) for name in unknown]


def is_known(name: str) -> bool:
    """Whether a setting has this name, or that of its file."""
    return name in Settings.fields or name.removesuffix(FILE_SUFFIX.lower()) in Settings.fields


def _variable(name: str) -> str:
    upper = name.upper()
    return upper if upper.startswith(PREFIX) else PREFIX + upper


def sentence(shown: str, variable: str, *, as_variable: bool) -> str:
    """That a name is no setting, and which was probably meant. `shown`: how the sentence calls it."""
    if successor := RENAMED.get(variable):
        return f"{shown} was renamed to {successor if as_variable else _short(successor)}"
    if meant := _probably_meant(variable):
        return f"{shown} is not a setting; did you mean {meant if as_variable else _short(meant)}?"
    return f"{shown} is not a setting of this version; docs/reference/settings.md lists them all"


def _short(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower()


def _probably_meant(variable: str) -> str:
    from difflib import get_close_matches

    name, suffix = _short(variable), ""
    if name.endswith(FILE_SUFFIX.lower()):
        name, suffix = name.removesuffix(FILE_SUFFIX.lower()), FILE_SUFFIX
    close = get_close_matches(name, Settings.fields, n=1, cutoff=_ALIKE)
    return f"{PREFIX}{close[0].upper()}{suffix}" if close else ""
