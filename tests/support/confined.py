"""Runs a command under what the units of deploy/systemd forbid, as far as that goes without systemd.

    python -m tests.support.confined UNIT COMMAND...

SystemCallFilter= as systemd-analyze expands it, through libseccomp; MemoryDenyWriteExecute=, NoNewPrivileges= and
CapabilityBoundingSet= by the kernel's own means. Needs Linux 6.3.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

_ALLOW, _ERRNO, _EPERM = 0x7FFF0000, 0x00050000, 1
_NO_NEW_PRIVILEGES, _MDWE, _REFUSE_EXEC_GAIN, _DROP_BOUND = 38, 65, 1, 24


def settings(unit: Path) -> dict[str, list[str]]:
    """The lines of [Service], by name."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().partition("[Service]")[2].partition("[Install]")[0].splitlines():
        name, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def system_calls(filters: Iterable[str]) -> set[str]:
    """The system calls that these lines of SystemCallFilter= allow."""
    allowed: set[str] = set()
    for line in filters:
        named = {call for group in line.removeprefix("~").split() for call in _members(group)}
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


def _members(group: str) -> set[str]:
    if not group.startswith("@"):
        return {group}
    command = ["systemd-analyze", "syscall-filter", "--no-pager", group]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = re.findall(r"^ +([@\w-]+)$", shown, re.MULTILINE)
    return {call for name in names for call in _members(name)}


def confine(unit: dict[str, list[str]]) -> None:
    """This process, and what it starts, may do no more than the unit allows."""
    kernel = ctypes.CDLL(None, use_errno=True)
    assert unit["CapabilityBoundingSet"] == [""]
    # Root too has none from the next program on.
    for capability in range(int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1):
        kernel.prctl(_DROP_BOUND, capability, 0, 0, 0)
    assert kernel.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
    if unit["MemoryDenyWriteExecute"] == ["yes"] and kernel.prctl(_MDWE, _REFUSE_EXEC_GAIN, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "MemoryDenyWriteExecute needs Linux 6.3")
    allowed = system_calls(unit["SystemCallFilter"])
    seccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    filters = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(_ERRNO | _EPERM)))
    for name in allowed:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # others belong to other architectures
            seccomp.seccomp_rule_add(filters, ctypes.c_uint32(_ALLOW), ctypes.c_int(number), ctypes.c_uint(0))
    if seccomp.seccomp_load(filters):
        raise OSError("the filter of system calls could not be loaded")


if __name__ == "__main__":
    confine(settings(Path(sys.argv[1])))
    os.umask(0o077)
    os.execv(sys.argv[2], sys.argv[2:])
