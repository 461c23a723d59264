"""What admins do with accounts, by command or page: add, change, suspend, resume, forget. Each is in the audit log."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from awbridge.app.accounts.account import Account, account_of, read_json, sealed_for
from awbridge.app.accounts.configured import LONGEST_TITLE, name_problems
from awbridge.app.accounts.registry import AccountRegistry, without_conflicts
from awbridge.app.accounts.sealed import NoKey
from awbridge.app.settings import Settings
from awbridge.app.settings.spelling import FILE_SUFFIX
from awbridge.app.settings.values import as_text
from awbridge.domain.accounts.names import name_problem
from awbridge.domain.errors import NotFound, NotPossible, NotValid
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.accounts.closed import until_closed
from awbridge.store import Store
from awbridge.store.accounts import account_figures, accounts, wakes
from awbridge.store.accounts.accounts import StoredAccount
from awbridge.store.engine.clocks.shared_time import SHARED_TIME
from awbridge.store.engine.database import Session
from awbridge.store.people import audit_log

_SUFFIX = FILE_SUFFIX.lower()
# Settings that name files or places of the machine: who may set one reads and writes there with the rights of awbridge.
LOCAL = frozenset(
    {
        *("database_url", "database_read_url", "data_dir", "archive_url", "backup_url", "reconcile_dir"),
        *("templates_dir", "track_logo", "track_css"),
    }
)


class AccountAdmin(AccountRegistry):
    """The registry with what changes it. The table is in the home's database, which must be there.

    `remote` says of a caller that the API or a page serves: those set nothing that names files of the machine.
    """

    async def add(
        self, name: str, *, title: str = "", settings: Mapping[str, object] | None = None, remote: bool = False
    ) -> Account:
        """Add an account. Its schema or file is made when it is first opened or migrated.

        `settings` by name, as the file has them; secrets are encrypted. Raises NotValid for a name or settings that
        cannot be, NotPossible for a name that is taken.
        """
        if wrong := name_problem(name):
            raise NotValid(f"{name} {wrong}")
        if name in self._configured.tables:
            raise NotPossible(f"{self._configured.place(name)} defines {name}; change it there")
        before = await self.all()
        if name in before and before[name].settings is not None:
            raise NotPossible(f"there is an account {name} already; change it with awbridge accounts set")
        now = SHARED_TIME.now()
        made = StoredAccount(
            name=name, title="", defined=True, settings="{}", secrets="{}", suspended_at=None, revision=0,
            created_at=now, updated_at=now,
        )  # fmt: skip
        made = self._changed(made, title=title, settings=settings or {}, unset=(), remote=remote)
        account = self._check(made, before)
        async with self._writing().write() as session:
            left = await accounts.lock(session, name)
            if left is not None and left.defined:
                raise NotPossible(f"there is an account {name} already; change it with awbridge accounts set")
            if left is not None:
                await accounts.drop(session, name)
            await accounts.add(session, made)
            await audit_log.record(session, AuditAction.ACCOUNT_ADDED, name, after=_shown(made), now=now)
        return account

    async def change(
        self,
        name: str,
        *,
        title: str | None = None,
        settings: Mapping[str, object] | None = None,
        unset: Collection[str] = (),
        remote: bool = False,
    ) -> Account:
        """Set some settings of an account and unset others. Services follow within seconds.

        Raises NotFound, NotValid for what cannot be set, NotPossible for what the file or a variable sets.
        """
        before = await self.all()
        self._check_precedence(name, {*(settings or {}), *unset}, title=title is not None)
        async with self._writing().write() as session:
            row = await self._locked(session, name)
            made = self._changed(row, title=title, settings=settings or {}, unset=unset, remote=remote)
            account = self._check(made, before)
            await self._write(session, row, made, AuditAction.ACCOUNT_CHANGED)
        return account

    async def suspend(self, name: str) -> Account:
        """Do nothing for an account any more: its steps stop, its API and pages refuse; webhooks are still stored.

        Services follow within seconds. Raises NotFound.
        """
        return await self._set_suspended(name, True)

    async def check_closed(self, account: Account) -> None:
        """Return once no service works for a suspended account. Raises NotPossible if one still does after a minute."""
        assert account.suspended_at
        if not await until_closed(self._writing(), account.name, account.suspended_at, clock=SHARED_TIME.now):
            raise NotPossible(
                f"{account.name} is suspended, but a service still works for it; see the log of the service, and "
                "run this command again"
            )

    async def resume(self, name: str) -> Account:
        """Work for a suspended account again. Raises NotFound."""
        return await self._set_suspended(name, False)

    async def begin_drop(self, name: str) -> Account:
        """Note that the data of a suspended account are about to be deleted: services know it no longer.

        Repeatable. Raises NotFound, NotPossible for one that works.
        """
        await self.all()
        async with self._writing().write() as session:
            row = await self._locked(session, name)
            if row.suspended_at is None:
                raise NotPossible(f"{name} is not suspended: awbridge accounts suspend {name}")
            if row.drop_begun_at is None:
                made = replace(row, drop_begun_at=SHARED_TIME.now(), dropped_at=None)
                await self._write(session, row, made, AuditAction.ACCOUNT_DROP_BEGUN)
        return await self._found(name)

    async def forget(self, name: str) -> None:
        """Forget an account whose data are dropped. One that the file defines is dropped until it is resumed.

        Raises NotFound.
        """
        async with self._writing().write() as session:
            row = await self._locked(session, name)
            await account_figures.forget(session, name)
            await wakes.forget_all(session, name)
            if name in self._configured.tables:
                now = SHARED_TIME.now()
                empty = replace(row, title="", defined=False, settings="{}", secrets="{}")
                made = replace(empty, suspended_at=now, drop_begun_at=None, dropped_at=now)
                await self._write(session, row, made, AuditAction.ACCOUNT_DROPPED)
                return
            await accounts.drop(session, name)
            await audit_log.record(session, AuditAction.ACCOUNT_DROPPED, name, before=_shown(row))

    async def record(self, action: AuditAction, name: str, after: Mapping[str, object]) -> None:
        """Record what was done with an account's data in the home's audit log."""
        async with self._writing().write() as session:
            await audit_log.record(session, action, name, after=after)

    async def encrypt_again(self) -> int:
        """Encrypt every secret with the newest key; how many were encrypted with an older one.

        Raises NotPossible where a key is missing.
        """
        done = 0
        async with self._writing().write() as session:
            for found in await accounts.every(session):
                row = await self._locked(session, found.name)
                sealed = {name: str(text) for name, text in read_json(row.secrets).items()}
                old = {name: text for name, text in sealed.items() if not self._seal.is_newest(text)}
                for name, text in old.items():
                    sealed[name] = self._sealed(row.name, name, self._opened(row.name, name, text))
                if old:
                    now = SHARED_TIME.now()
                    await accounts.write(session, replace(row, secrets=json.dumps(sealed), updated_at=now))
                    done += len(old)
        return done

    async def _set_suspended(self, name: str, suspended: bool) -> Account:
        await self.all()
        async with self._writing().write() as session:
            row = await self._locked(session, name)
            if row.drop_begun_at is not None:
                raise NotPossible(f"{name} is being dropped: awbridge accounts drop {name} ends that")
            if suspended != (row.suspended_at is not None):
                made = replace(row, suspended_at=SHARED_TIME.now() if suspended else None, dropped_at=None)
                action = AuditAction.ACCOUNT_SUSPENDED if suspended else AuditAction.ACCOUNT_RESUMED
                await self._write(session, row, made, action)
        return await self._found(name)

    async def _found(self, name: str) -> Account:
        found = await self.find(name)
        if found is None:  # dropped since
            raise NotFound(_unknown(name))
        return found

    async def _locked(self, session: Session, name: str) -> StoredAccount:
        """The row of an account, locked; a new one, revision 0, for one that only the file defines."""
        if row := await accounts.lock(session, name):
            return row
        if name not in self._configured.tables:
            raise NotFound(_unknown(name))
        now = SHARED_TIME.now()
        return StoredAccount(
            name=name, title="", defined=False, settings="{}", secrets="{}", suspended_at=None, revision=0,
            created_at=now, updated_at=now,
        )  # fmt: skip

    async def _write(self, session: Session, row: StoredAccount, made: StoredAccount, action: AuditAction) -> None:
        now = SHARED_TIME.now()
        if row.revision:
            await accounts.write(session, replace(made, updated_at=now))
        else:
            await accounts.add(session, replace(made, created_at=now))
        await audit_log.record(session, action, row.name, before=_shown(row), after=_shown(made), now=now)

    def _changed(
        self,
        row: StoredAccount,
        *,
        title: str | None,
        settings: Mapping[str, object],
        unset: Collection[str],
        remote: bool,
    ) -> StoredAccount:
        """The row with these changes. Raises NotValid for what no account may set."""
        if title is not None and len(title) > LONGEST_TITLE:
            raise NotValid(f"the title of an account has at most {LONGEST_TITLE} characters")
        wrong = [*name_problems({**settings, **dict.fromkeys(unset)}, lambda name: f"[accounts.{row.name}] {name}")]
        if wrong:
            raise NotValid("; ".join(wrong))
        plain, sealed = _readable(row.settings), _readable(row.secrets)
        for name in (*unset, *settings):
            if remote:
                _check_remote(row.name, name)
            for twin in (name, name + _SUFFIX, name.removesuffix(_SUFFIX)):
                plain.pop(twin, None)
                sealed.pop(twin, None)
        for name, value in settings.items():
            field = Settings.fields[name.removesuffix(_SUFFIX) if name not in Settings.fields else name]
            if name not in Settings.fields and not field.is_secret:
                raise NotValid(f"only secrets are read from files; set {name.removesuffix(_SUFFIX)} instead of {name}")
            if field.is_secret and name in Settings.fields:
                sealed[name] = self._sealed(row.name, name, _text(value))
            else:
                plain[name] = value
        return replace(
            row,
            title=row.title if title is None else title,
            settings=json.dumps(plain, ensure_ascii=False, sort_keys=True),
            secrets=json.dumps(sealed, sort_keys=True),
        )

    def _check(self, row: StoredAccount, before: Mapping[str, Account]) -> Account:
        """The account that the row makes.

        Raises NotValid for one that has a problem, data of another, or needs a part that is not installed.
        """
        account = account_of(self._home, self._configured, self._seal, row.name, row)
        others = {name: other for name, other in before.items() if name != row.name}
        account = without_conflicts(self._home, {**others, row.name: account})[row.name]
        if problem := account.problem or account.missing_parts:
            raise NotValid(problem)
        return account

    def _check_precedence(self, name: str, settings: Collection[str], *, title: bool) -> None:
        """Raise NotPossible for a setting that the file or a variable sets, which a row could not change."""
        for given in self._configured.given(name):
            for setting in sorted(settings):
                if source := given.sources.get(setting.removesuffix(_SUFFIX)) or given.sources.get(setting):
                    raise NotPossible(f"{source.place} sets {setting} of {name}, which ranks first; change it there")
        if title and self._configured.title(name):
            raise NotPossible(f"{self._configured.place(name)} has the title of {name}, which ranks first")

    def _sealed(self, account: str, name: str, text: str) -> str:
        try:
            return self._seal.seal(text, sealed_for(account, name))
        except NoKey as error:
            raise NotPossible(f"[accounts.{account}] {name}: {error}") from None

    def _opened(self, account: str, name: str, text: str) -> str:
        try:
            return self._seal.open(text, sealed_for(account, name))
        except NoKey as error:
            raise NotPossible(f"[accounts.{account}] {name} {error}") from None

    def _writing(self) -> Store:
        assert self._store is not None, "accounts are changed in the home's database"
        return self._store


def _check_remote(account: str, name: str) -> None:
    if name in LOCAL or name not in Settings.fields:
        raise NotValid(
            f"{name} names a place on the machine of awbridge, so it is set there: "
            f"awbridge accounts set {account} {name}=..., or in the file of settings"
        )


def _readable(text: str) -> dict[str, Any]:
    """The settings in a row; none where they cannot be read, so that they can be set again."""
    try:
        return read_json(text)
    except ValueError:
        return {}


def _text(value: object) -> str:
    """A secret as it is stored: a list with commas."""
    return as_text(tuple(value)) if isinstance(value, list) else as_text(value)  # pyright: ignore[reportUnknownArgumentType]


def _shown(row: StoredAccount) -> dict[str, Any]:
    """A row for the audit log: secrets by their names."""
    settings, secrets = _readable(row.settings), sorted(_readable(row.secrets))
    return {"title": row.title, "settings": settings, "secrets": secrets, "suspended": row.suspended_at is not None}


def _unknown(name: str) -> str:
    return f"there is no account {name}; awbridge accounts list shows them all"
