"""The mail channel against a real SMTP server."""

from __future__ import annotations

from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from awbridge.domain.errors import MailError, SettingsError
from awbridge.domain.notify.notices import MaybeSent, Message, NotSent, Sent
from awbridge.sinks.mail import MailChannel, send_mail
from tests.support.ports import free_port
from tests.support.smtp import smtp_server
from tests.support.tls import server_context

pytestmark = pytest.mark.heavy

SENDER = "Acme <orders@acme.example>"
MESSAGE = Message(key="notice-7", to="asha@example.com", subject="आपका ऑर्डर", text="Hello", html="<p>Hello</p>")


async def test_a_mail_arrives_with_both_bodies_and_its_own_id() -> None:
    with smtp_server() as mailbox:
        assert await MailChannel(mailbox.url, sender=SENDER).send(MESSAGE) == Sent()
    (mail,) = mailbox.mails
    assert (mail["subject"], mail["message-id"]) == ("आपका ऑर्डर", "<notice-7@acme.example>")
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["date"]


@pytest.mark.parametrize(("answer", "again"), [("451 later", True), ("554 never", False)])
async def test_a_refusal_states_whether_to_retry(answer: str, again: bool) -> None:
    with smtp_server() as mailbox:
        mailbox.answer = answer
        result = await MailChannel(mailbox.url, sender=SENDER).send(MESSAGE)
    assert result == NotSent(f"the mail server refused the mail ({answer[:3]})", again=again)


async def test_an_unknown_recipient_is_not_retried() -> None:
    with smtp_server() as mailbox:
        result = await MailChannel(mailbox.url, sender=SENDER).send(replace(MESSAGE, to="nobody@example.com"))
    assert result == NotSent("the mail server refused the recipient (550)", again=False)


async def test_a_non_ascii_address_is_not_retried_at_a_server_without_smtputf8() -> None:
    to = replace(MESSAGE, to="आशा@example.com")
    with smtp_server(utf8=False) as mailbox:
        result = await MailChannel(mailbox.url, sender=SENDER).send(to)
        assert isinstance(result, NotSent)
        assert (result.again, "SMTPUTF8" in result.problem, "आशा" in result.problem) == (False, True, False)
    with smtp_server() as mailbox:
        assert await MailChannel(mailbox.url, sender=SENDER).send(to) == Sent()


async def test_a_non_ascii_host_is_sent_in_idna() -> None:
    with smtp_server(utf8=False) as mailbox:
        assert await MailChannel(mailbox.url, sender=SENDER).send(replace(MESSAGE, to="asha@उदाहरण.example")) == Sent()
    assert mailbox.mails[0]["to"] == "asha@xn--p1b6ci4b4b3a.example"


async def test_a_server_without_starttls_is_retried_for_every_recipient() -> None:
    with smtp_server() as mailbox:
        result = await MailChannel(f"{mailbox.url}?starttls=always", sender=SENDER).send(MESSAGE)
    assert isinstance(result, NotSent)
    assert result.again


async def test_a_connection_lost_after_the_mail_means_maybe_sent() -> None:
    with smtp_server() as mailbox:
        mailbox.answer = None
        result = await MailChannel(mailbox.url, sender=SENDER).send(MESSAGE)
    assert isinstance(result, MaybeSent)
    assert len(mailbox.mails) == 1


async def test_an_unreachable_server_means_not_sent() -> None:
    result = await MailChannel(f"smtp://127.0.0.1:{free_port()}", sender=SENDER).send(MESSAGE)
    assert isinstance(result, NotSent)
    assert result.again


async def test_a_password_is_not_sent_unencrypted() -> None:
    with smtp_server() as mailbox:
        result = await MailChannel(mailbox.url.replace("//", "//user:secret@"), sender=SENDER).send(MESSAGE)
    assert isinstance(result, NotSent)
    assert mailbox.mails == []


def a_report(*to: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = SENDER, ", ".join(to), "ClickPost failures"
    mail.set_content("none")
    return mail


async def test_a_partly_refused_report_is_sent_and_the_refusal_is_logged() -> None:
    with smtp_server() as mailbox, capture_logs() as logs:
        await send_mail(mailbox.url, a_report("ops@shop.example", "nobody@example.com"))
    assert len(mailbox.mails) == 1
    assert [(e["event"], e["refused"]) for e in logs] == [("mail.some_refused", 1)]


async def test_a_report_refused_for_every_recipient_raises_with_the_reason() -> None:
    with smtp_server() as mailbox:
        with pytest.raises(MailError, match=r"not known to be sent: the mail server refused the recipient \(550\)"):
            await send_mail(mailbox.url, a_report("nobody@example.com"))
        mailbox.answer = "451 later"
        with pytest.raises(MailError, match="the mail server refused the mail"):
            await send_mail(mailbox.url, a_report("ops@shop.example"))


async def test_a_report_with_a_password_is_mailed_encrypted_only() -> None:
    with smtp_server() as mailbox, pytest.raises(MailError) as raised:
        await send_mail(mailbox.url.replace("//", "//user:secret@"), a_report("ops@shop.example"))
    assert "secret" not in str(raised.value)
    assert mailbox.mails == []


# aiosmtpd does not detect that smtps is already encrypted.
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
async def test_over_tls_the_password_is_sent_and_the_mail_arrives(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = server_context(tmp_path, monkeypatch)
    kind = {"tls": context} if scheme == "smtps" else {"starttls": context}
    with smtp_server(password="s3cret", **kind) as mailbox:
        right = f"{scheme}://user:s3cret@localhost:{mailbox.port}"
        assert await MailChannel(right, sender=SENDER).send(MESSAGE) == Sent()
        await send_mail(right, a_report("ops@shop.example"))
        wrong = await MailChannel(right.replace("s3cret", "guess"), sender=SENDER).send(MESSAGE)
    assert wrong == NotSent("the mail server refused the user or password (535)")
    assert [mail["to"] for mail in mailbox.mails] == ["asha@example.com", "ops@shop.example"]


@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
async def test_a_server_with_an_untrusted_certificate_receives_no_mail(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = server_context(tmp_path, monkeypatch, trusted=False)
    kind = {"tls": context} if scheme == "smtps" else {"starttls": context}
    with smtp_server(**kind) as mailbox:
        url = f"{scheme}://localhost:{mailbox.port}?starttls=always"
        result = await MailChannel(url, sender=SENDER).send(MESSAGE)
    assert isinstance(result, NotSent), result
    assert result.again
    assert mailbox.mails == []


@pytest.mark.parametrize("url", ["http://host", "smtp://", "smtp://host:port", "smtp://host?starttls=perhaps"])
def test_an_invalid_smtp_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="AWBRIDGE_SMTP_URL"):
        MailChannel(url, sender=SENDER)


def test_a_sender_is_required() -> None:
    with pytest.raises(SettingsError, match="AWBRIDGE_NOTICE_MAIL_FROM"):
        MailChannel("smtp://host", sender="Acme")


def test_headers_cannot_be_injected() -> None:
    mail = MailChannel("smtp://host", sender=SENDER).compose(replace(MESSAGE, subject="Hi\r\nBcc: x@example.com"))
    assert (mail["subject"], mail["bcc"]) == ("Hi Bcc: x@example.com", None)
