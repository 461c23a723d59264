"""The set-up page's view of the installation: its settings without secrets, and the doctor's checks."""

from __future__ import annotations

from dataclasses import dataclass

from awbridge.app.connections import operators, vendor_problem
from awbridge.app.doctor.audit import check_archive
from awbridge.app.doctor.customer_page import check_customer_page
from awbridge.app.doctor.diagnosis import OK, PROBLEM, CheckContext, Diagnosis
from awbridge.app.doctor.guide.table import guide_table
from awbridge.app.doctor.installation import check_settings, check_steps
from awbridge.app.doctor.notify import check_messages
from awbridge.app.doctor.vendor import check_accounts, check_clock
from awbridge.app.doctor.webhook import check_header, check_webhook
from awbridge.app.settings import PREFIX, Settings
from awbridge.app.settings.values import SecretStr
from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.clickpost.wire.masking import mask_url
from awbridge.domain.errors import SettingsError
from awbridge.domain.guide.rows import GuideRow
from awbridge.steps.notify.try_operators import try_operators
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.web.pages.setup.tools import SetupFinding, SetupStep, ShownSetting

_SETTINGS = {
    SetupStep.KEY: {"clickpost_username": "your-username", "clickpost_key": "the API key of your ClickPost profile"},
    SetupStep.COURIERS: {},
    SetupStep.WEBHOOK: {"webhook_keys": ""},
    SetupStep.ARCHIVE: {"archive_url": "s3://bucket/prefix", "archive_options": "region=ap-south-1"},
    SetupStep.MAIL: {
        "smtp_url": "smtp://user:password@smtp.example.com:587",
        "notice_mail_from": "Acme <orders@acme.example>",
        "alarm_mail_to": "ops@acme.example",
        "alarm_urls": "slack://token_a/token_b/token_c",
    },
    SetupStep.CUSTOMER_PAGE: {
        "track_url": "https://track.shop.example",
        "track_keys": "the key that awbridge links new-key prints",
    },
    SetupStep.ORDER: {},
}
_CHECKS = {
    SetupStep.KEY: (check_accounts, check_clock),
    SetupStep.COURIERS: (check_accounts,),
    SetupStep.WEBHOOK: (check_webhook, check_header),
    SetupStep.ARCHIVE: (check_archive,),
    SetupStep.MAIL: (check_messages,),
    SetupStep.CUSTOMER_PAGE: (check_customer_page,),
    SetupStep.ORDER: (check_steps,),
}
# The checks of one function that concern another step.
_ELSEWHERE = {SetupStep.KEY: "accounts", SetupStep.COURIERS: "clickpost"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SettingsTools:
    """`SetupTools` of these settings. `clickpost` is None while the account is not set."""

    configured: Settings
    store: Store
    clickpost: AsyncClickPost | None
    clock: Clock

    @property
    def vendor_problem(self) -> str:
        """Why ClickPost cannot be called; "" if username and key are set."""
        return vendor_problem(self.configured)

    @property
    def has_webhook_keys(self) -> bool:
        """Whether AWBRIDGE_WEBHOOK_KEYS holds any."""
        return bool(self.configured.webhook_keys)

    def settings(self, step: SetupStep) -> list[ShownSetting]:
        """The settings of a step, secrets as "set"."""
        return [
            ShownSetting(variable=PREFIX + name.upper(), value=_shown(getattr(self.configured, name)), example=example)
            for name, example in _SETTINGS[step].items()
        ]

    async def check(self, step: SetupStep) -> list[SetupFinding]:
        """The doctor's checks of a step. Raises AwbridgeError."""
        if step is SetupStep.KEY:
            settings_found = [d for d in check_settings(self.configured, ()) if d.level != OK]
            if any(d.level == PROBLEM for d in settings_found):
                return [_finding(d) for d in settings_found]
        context = CheckContext(
            settings=self.configured, store=self.store, clickpost=self.clickpost, clock=self.clock, url=""
        )
        found = [diagnosis for check in _CHECKS[step] for diagnosis in await check(context)]
        return [_finding(d) for d in found if d.check != _ELSEWHERE.get(step) or d.level == PROBLEM]

    async def send_test_message(self) -> list[SetupFinding]:
        """Send a test message to every channel of the operators."""
        try:
            channels = operators(self.configured)
        except SettingsError as error:
            return [SetupFinding(level=PROBLEM, found=str(error))]
        if not channels:
            do = "Set AWBRIDGE_ALARM_MAIL_TO or AWBRIDGE_ALARM_URLS, then start awbridge again."
            return [SetupFinding(level=PROBLEM, found="No channel to the operators is set.", do=do)]
        names = [operator.to or f"chat {place}" for place, operator in enumerate(channels, 1)]
        problems = await try_operators(channels)
        return [
            SetupFinding(level=PROBLEM if problem else OK, found=f"{name}: {problem or 'a test message was sent'}")
            for name, problem in zip(names, problems, strict=True)
        ]

    async def guide(self) -> list[GuideRow]:
        """Every demand of ClickPost's integration guidelines with this deployment's evidence."""
        return await guide_table(self.configured, self.store, self.clock)


def _shown(value: object) -> str:
    """A setting for display: secrets as "set"."""
    if isinstance(value, SecretStr):
        return "set" if value.get_secret_value() else ""
    if isinstance(value, tuple):
        parts: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        if any(isinstance(part, SecretStr) for part in parts):
            return f"set ({len(parts)})"
        return ", ".join(map(str, parts))
    return mask_url(str(value))


def _finding(diagnosis: Diagnosis) -> SetupFinding:
    return SetupFinding(level=diagnosis.level, found=diagnosis.found, do=diagnosis.do)
