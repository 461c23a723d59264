"""Settings of messages: mail, notices to customers, outgoing webhooks, alarms."""

from awbridge.app.setting_fields import Field, SecretStr, SettingsBase
from awbridge.app.setting_types import (
    Channels,
    Delays,
    Milestones,
    Networks,
    Positive,
    QuietHours,
    Secrets,
    SmtpUrl,
    Texts,
)


class MessageSettings(SettingsBase):
    """Messages to customers, operators and other systems."""

    smtp_url: SmtpUrl = Field(
        SecretStr(""),
        example="smtp://user:password@smtp.example.com:587",
        description="The mail server: smtp://user:password@host:587 or smtps://host:465. A secret.",
    )
    mail_from: str = Field(
        "", example="awbridge <bridge@shop.example>", description="Sender of reports: awbridge <bridge@shop.example>."
    )

    notice_mail_from: str = Field(
        "", example="Acme <orders@acme.example>", description="Sender of mails, e.g. Acme <orders@acme.example>."
    )
    notice_mail: bool = Field(False, description="Whether customers get mail. Operators use AWBRIDGE_ALARM_MAIL_TO.")
    notice_sms_url: SecretStr = Field(
        SecretStr(""),
        example="msgbird://key/sender/{to}",
        description="apprise URL for SMS to customers, with {to} in it. Empty: no SMS. A secret.",
    )
    notice_whatsapp_url: SecretStr = Field(
        SecretStr(""),
        example="whatsapp://token@sender/{to}",
        description="apprise URL for WhatsApp to customers, with {to} in it. Empty: none. A secret.",
    )
    notice_chat_urls: Secrets = Field(
        (),
        example="slack://token_a/token_b/token_c",
        description="apprise URLs of your own team's chats that receive every milestone, comma-separated. Secrets.",
    )
    notice_timeout: float = Field(30.0, ge=1, le=120, description="Seconds to wait for SMS, WhatsApp or chat services.")
    notice_consent: Channels = Field(
        "",
        example="mail,sms",
        description="Channels that need no consent in the payload, comma-separated: mail, sms, whatsapp.",
    )
    notice_milestones: Milestones = Field("all", description="Milestones that are messaged, comma-separated, or all.")
    notice_quiet_hours: QuietHours = Field(
        "sms=21:00-09:00,whatsapp=21:00-09:00",
        description="Hours in which a channel sends nothing, in the account's time zone. Messages go out afterwards.",
    )
    notice_fresh_seconds: Positive = Field(
        86400.0, description="Maximum age of the latest status for a message to be sent."
    )
    notice_retry_delays: Delays = Field(
        (60.0, 300.0, 1800.0, 7200.0), description="Seconds before each retry of a message, comma-separated."
    )
    notice_language: str = Field(
        "en",
        pattern="[a-z]{2,8}",
        form="a language's code in lower case",
        description="Language of messages when the payload names none: en, hi, ...",
    )
    notice_country: str = Field(
        "IN",
        pattern="[A-Z]{2}",
        form="a country's code of two capital letters",
        description="Country of phone numbers without its code.",
    )
    notice_brand: str = Field(
        "", example="Acme", max_length=60, description="Your brand name in messages to customers."
    )
    templates_dir: str = Field(
        "",
        example="/etc/awbridge/templates",
        description="Folder of templates that replace the shipped ones, file by file.",
    )

    endpoint_networks: Networks = Field(
        (),
        example="10.0.0.0/8",
        description="Private networks that outgoing webhooks may reach, also over http, e.g. 10.0.0.0/8.",
    )
    endpoint_retry_delays: Delays = Field(
        (5.0, 300.0, 1800.0, 7200.0, 18000.0, 25200.0, 34200.0),
        min_length=1,
        unit="delay",
        description="Seconds before each retry of an event delivery, comma-separated.",
    )
    endpoint_timeout: float = Field(15.0, gt=0, le=60, description="Seconds to wait for an endpoint's response.")

    alarm_urls: Secrets = Field(
        (),
        example="slack://token_a/token_b/token_c",
        description="apprise URLs that receive alarms and the daily digest, comma-separated. Secrets.",
    )
    alarm_mail_to: Texts = Field(
        (),
        example="ops@shop.example",
        description="Mail addresses that receive alarms and the daily digest, comma-separated.",
    )
    alarm_digest_hour: int = Field(
        9, ge=0, le=23, description="Hour of the day, in the account's time zone, after which the digest is sent."
    )
    alarm_refused_share: float = Field(
        0.2,
        gt=0,
        le=1,
        description="Share of refused orders, among those of the last hour or the newest 50, that raises an alarm.",
    )
    alarm_refused_least: int = Field(10, ge=1, description="Minimum number of refused orders for that alarm.")
    alarm_disk_free: float = Field(
        0.1, ge=0, lt=1, description="Minimum free share of the disk; below it an alarm is raised."
    )
