"""Settings of messages: mail and reports, notices to customers, outgoing webhooks, alarms."""

from awbridge.app.settings.fields import Field, SettingsBase, Sharing
from awbridge.app.settings.types import (
    Addresses,
    Channels,
    Cron,
    Delays,
    Milestones,
    Networks,
    Positive,
    QuietHours,
    Secrets,
    SmtpUrl,
    Texts,
)
from awbridge.app.settings.values import SecretStr


class ReportSettings(SettingsBase, group="Reports and mail"):
    """The mail server, and the daily report of failures."""

    smtp_url: SmtpUrl = Field(
        SecretStr(""),
        example="smtp://user:password@smtp.example.com:587",
        description="The mail server: `smtp://user:password@host:587` (STARTTLS if offered, and always before "
        "a password; `?starttls=always` requires it, `?starttls=never` disables it) or `smtps://host:465`.",
    )
    mail_from: str = Field(
        "", example="awbridge <bridge@shop.example>", description="The sender of reports, alarms and digests."
    )
    report_cron: Cron = Field(
        "30 0 * * *", description="When the failures of the day before are reported, in the account's zone."
    )
    report_to: Addresses = Field((), example="ops@shop.example", description="Your own addresses for the daily report.")
    report_clickpost_to: Addresses = Field(
        (),
        example="someone@clickpost.example",
        sharing=Sharing.OWN,
        description="ClickPost's addresses; with any, a second report is created, masked by "
        "`AWBRIDGE_PRIVACY_CLICKPOST`.",
    )
    report_empty_days: bool = Field(
        True, description="Whether a day without failures sends a one-line mail; if it is missing, mail is broken."
    )


class NoticeSettings(SettingsBase, group="Messages to customers"):
    """[Messages](docs/how-to/operate/notices.md) to customers: without a channel, they get none.

    Mail is sent through `AWBRIDGE_SMTP_URL`.
    """

    notice_mail_from: str = Field(
        "",
        example="Acme <orders@acme.example>",
        sharing=Sharing.OWN,
        description="The sender of mails to customers.",
    )
    notice_mail: bool = Field(
        False,
        sharing=Sharing.OWN,
        description="Whether customers get mail. Operators get it by `AWBRIDGE_ALARM_MAIL_TO`.",
    )
    notice_sms_url: SecretStr = Field(
        SecretStr(""),
        example="msgbird://key/sender/{to}",
        sharing=Sharing.OWN,
        description="URL of the service for SMS to customers, with `{to}` or `{to_digits}` in it. Empty: no SMS. "
        "[Most services](docs/how-to/operate/notices.md#channels) need `awbridge[messages]`.",
    )
    notice_whatsapp_url: SecretStr = Field(
        SecretStr(""),
        example="whatsapp://token@sender/{to}",
        sharing=Sharing.OWN,
        description="apprise URL for WhatsApp messages to customers, with `{to}` or `{to_digits}` in it. Empty: none. "
        "Needs `awbridge[messages]`.",
    )
    notice_chat_urls: Secrets = Field(
        (),
        example="slack://token_a/token_b/token_c",
        sharing=Sharing.OWN,
        description="apprise URLs of your own team's chats (Slack, Telegram, ...), which get every milestone; secrets. "
        "Needs `awbridge[messages]`.",
    )
    notice_timeout: float = Field(
        30.0,
        ge=1,
        le=120,
        description="Seconds that an SMS, WhatsApp or chat service has to answer; `rto=` in a URL overrides it "
        "for that URL.",
    )
    notice_consent: Channels = Field(
        "",
        example="mail,sms",
        sharing=Sharing.OWN,
        description="Channels that need no consent in the payload: `mail`, `sms`, `whatsapp`, comma-separated. "
        "Empty: all need it.",
    )
    notice_milestones: Milestones = Field(
        "all", description="The milestones that send a message, comma-separated, or `all`."
    )
    notice_quiet_hours: QuietHours = Field(
        "sms=21:00-09:00,whatsapp=21:00-09:00",
        description="When a channel sends no messages, in the account's zone; messages that fall due then wait "
        "for the end.",
    )
    notice_fresh_seconds: Positive = Field(
        86400.0,
        description="Seconds; no message is sent if the latest status is older than this at the moment of sending.",
    )
    notice_retry_delays: Delays = Field(
        (60.0, 300.0, 1800.0, 7200.0), description="Seconds before each retry of one message."
    )
    notice_language: str = Field(
        "en",
        pattern="[a-z]{2,8}",
        form="a language's code in lower case",
        description="The language of messages (`en`, `hi`, ...) if the payload names none, or one without templates.",
    )
    notice_country: str = Field(
        "IN",
        pattern="[A-Z]{2}",
        form="a country's code of two capital letters",
        description="The country of phone numbers without a country code.",
    )
    notice_brand: str = Field(
        "", example="Acme", max_length=60, sharing=Sharing.OWN, description="Your name, as shown in messages."
    )
    templates_dir: str = Field(
        "",
        example="/etc/awbridge/templates",
        description="A folder whose templates replace the shipped ones, file by file.",
    )


class EndpointSettings(SettingsBase, group="Outgoing webhooks"):
    """How [events](docs/reference/events.md) are sent to your subscribers."""

    endpoint_networks: Networks = Field(
        (), example="10.0.0.0/8", description="Private networks that outgoing webhooks may reach, also over http."
    )
    endpoint_retry_delays: Delays = Field(
        (5.0, 300.0, 1800.0, 7200.0, 18000.0, 25200.0, 34200.0),
        min_length=1,
        unit="delay",
        description="Seconds before each retry of one event: a day in total.",
    )
    endpoint_timeout: float = Field(15.0, gt=0, le=60, description="Seconds to wait for an endpoint's response.")


class AlarmSettings(SettingsBase, group="Alarms"):
    """Who gets [alarms](docs/how-to/operate/alarms.md), and when some are raised."""

    alarm_urls: Secrets = Field(
        (),
        example="slack://token_a/token_b/token_c",
        description="apprise URLs that get alarms and the daily digest. All but `json://` and the SMS gateways that "
        "awbridge [calls itself](docs/how-to/operate/notices.md#channels) need `awbridge[messages]`.",
    )
    alarm_mail_to: Texts = Field(
        (), example="ops@shop.example", description="Mail addresses that get alarms and the daily digest."
    )
    alarm_digest_hour: int = Field(
        9, ge=0, le=23, description="The hour of the day, in the account's zone, after which the digest is sent."
    )
    alarm_refused_share: float = Field(
        0.2,
        gt=0,
        le=1,
        description="The share of refusals, among the orders that ClickPost decided within the hour or the "
        "newest 50, that raises the alarm `refused`.",
    )
    alarm_refused_least: int = Field(
        10, ge=1, description="The minimum number of refusals that raises the alarm `refused`."
    )
    alarm_disk_free: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="The share of the data's disk that must be free, 0 to 1; below it the alarm `disk` is raised.",
    )
