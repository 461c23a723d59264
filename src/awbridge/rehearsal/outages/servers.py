"""What the drills' own servers share: their binaries, the user they run as, free ports, a folder on a small disk."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from awbridge.domain.errors import AwbridgeError

STARTS_WITHIN = 60.0  # seconds; a machine may be busy with other things
_SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin"  # not in everybody's PATH
FILL_TRIES = 50
_INSIDE = 1000  # the user id that servers see in a user namespace


def find_postgres() -> Path | None:
    """The folder with initdb and postgres, the newest version's; None where PostgreSQL's server is not installed."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("initdb"):
        candidates.insert(0, Path(found).resolve().parent)
    return next((c for c in candidates if (c / "initdb").exists() and (c / "postgres").exists()), None)


def find_pgbouncer() -> str | None:
    """The binary; None where PgBouncer is not installed."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:{_SYSTEM_FOLDERS}")


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def server_user() -> pwd.struct_passwd | None:
    """Who runs the servers where we are root, as whom they refuse to run; None where we are not."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise AwbridgeError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


class ServerPlace:
    """Where a server runs: in this system as it is."""

    def run(self, command: Sequence[str]) -> None:
        """Run a command to its end. Raises AwbridgeError with what it printed if it fails."""
        done = subprocess.run(self._wrap(command), user=self._user(), capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise AwbridgeError(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[-1000:]}")

    def start(self, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Start a server that writes to `log`."""
        with log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 found in the system, with our own arguments
                self._wrap(command), user=self._user(), stdout=output, stderr=output
            )

    def give(self, folder: Path) -> None:
        """Let the servers' user own a folder."""
        if user := server_user():
            os.chown(folder, user.pw_uid, user.pw_gid)

    def _wrap(self, command: Sequence[str]) -> list[str]:
        return list(command)

    def _user(self) -> int | None:
        user = server_user()
        return user.pw_uid if user else None


class SmallDisk(ServerPlace):
    """A file system in memory over `folder`, in a mount namespace of its own, which can be full at will.

    Root and, where the system allows user namespaces, everybody may make one. Nothing outside sees it, and it goes with
    its last process. Processes in it get the real error, "No space left on device".
    """

    SIZE = "4g"

    def __init__(self, folder: Path) -> None:
        """Raises AwbridgeError where this user may not."""
        self._folder = folder
        self._root = os.geteuid() == 0
        mount = f'mount -t tmpfs -o size={self.SIZE},mode=755 tmpfs "$1" && echo ready && exec sleep infinity'
        namespaces = ["--mount"] if self._root else ["--user", "--map-root-user", "--mount"]
        try:
            self._holder = subprocess.Popen(  # noqa: S603
                ["unshare", *namespaces, "sh", "-c", mount, "sh", str(folder)],  # noqa: S607
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        except OSError as error:
            raise AwbridgeError(f"a small disk needs unshare (util-linux): {error}") from error
        assert self._holder.stdout
        if self._holder.stdout.readline().strip() != "ready":
            _, errors = self._holder.communicate(timeout=10)
            raise AwbridgeError(
                "a small disk cannot be mounted: the system allows this user no mount namespace "
                f"({errors.strip()}). Run as root, or allow user namespaces."
            )
        if user := server_user():
            self._inside(["chown", f"{user.pw_uid}:{user.pw_gid}", str(folder)])

    def fill(self) -> None:
        """Shrink it to what is in use: no page can be added. Raises AwbridgeError where that fails."""
        for tries_left in reversed(range(FILL_TRIES)):
            used = self._inside(["df", "--output=used", "-B1024", str(self._folder)]).split()[-1]
            try:
                self._resize(f"{used}k")
            except AwbridgeError:  # more is in use by now
                if not tries_left:
                    raise
            else:
                return

    def free(self) -> None:
        """Give it its size back."""
        self._resize(self.SIZE)

    def _resize(self, size: str) -> None:
        # With the device, mount does not repeat the options in use: a user namespace does not know their user id.
        self._inside(["mount", "-o", f"remount,size={size}", "tmpfs", str(self._folder)])

    def close(self) -> None:
        """End it, once no server runs in it any more."""
        self._holder.kill()
        self._holder.wait(10)
        for pipe in (self._holder.stdout, self._holder.stderr):
            if pipe:
                pipe.close()

    def give(self, folder: Path) -> None:
        """The disk is the servers' own already."""

    def _enter(self) -> list[str]:
        user = [] if self._root else ["--user", "--preserve-credentials"]
        return ["nsenter", "--target", str(self._holder.pid), "--mount", *user]

    def _inside(self, command: Sequence[str]) -> str:
        done = subprocess.run([*self._enter(), *command], capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise AwbridgeError(f"{command[0]} on the small disk failed: {done.stderr.strip()}")
        return done.stdout

    def _wrap(self, command: Sequence[str]) -> list[str]:
        if user := server_user():
            return [*self._enter(), f"--setuid={user.pw_uid}", f"--setgid={user.pw_gid}", *command]
        as_user = ["unshare", "--user", f"--map-user={_INSIDE}", f"--map-group={_INSIDE}"]
        return [*self._enter(), *as_user, *command]

    def _user(self) -> int | None:
        return None  # nsenter needs what we are, and changes it itself


def end(process: subprocess.Popen[bytes], number: int, patience: float = 20.0) -> None:
    """Signal a process and wait for its end; SIGKILL after `patience` seconds."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def wait_for(name: str, process: subprocess.Popen[bytes], log: Path, answers: Callable[[], bool]) -> None:
    """Return once a started server answers. Raises AwbridgeError with the end of its log where it does not."""
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        if answers():
            return
        time.sleep(0.05)
    raise AwbridgeError(f"{name} did not start: {log.read_text(errors='replace').strip()[-1000:]}")


def listens(port: int) -> bool:
    """Whether anything accepts connections on this port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
