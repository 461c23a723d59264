"""Renders notices from sandboxed Jinja2 templates, one for each milestone, channel and language.

`en/delivered.mail.j2` is used first, then `en/delivered.text.j2`, which serves all channels without their own file. A
file may begin with `name: value` lines (subject, dlt_template_id, dlt_link, names_day), ended by a line `---`. A file
in the configured folder replaces the shipped file of the same name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib import resources
from itertools import product
from pathlib import Path

from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from awbridge.domain.errors import AwbridgeError
from awbridge.domain.notify.notices import Channel
from awbridge.domain.tracking.milestones import Milestone
from awbridge.sinks import day_words, page_languages
from awbridge.sinks.spoken_dates import Day, Moment, Value, spoken

LANGUAGES = ("en", "hi", "ar")
LONGEST_VALUE = 80  # characters: a name must not smuggle in a message
LONGEST_TEXT = 4000

_HEAD = re.compile(r"\A((?:[a-z_]+:[^\n]*\n)+)---\n", re.ASCII)
_HEAD_NAMES = frozenset({"subject", "dlt_template_id", "dlt_link", "names_day"})
# Formatting, mentions and links of WhatsApp and chat services.
_MARKUP = str.maketrans("", "", "*_~`<>|[]")
# Languages that are written from right to left.
_RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"})
_JOINERS = "\u200c\u200d"  # required by Indian scripts
_GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_DOUBLE = set("^{}\\[~]|€\f")

_TEXT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
_HTML = _TEXT.overlay(autoescape=True)

_NAMES_DAY = "names a day outside {% if is_today %}: the notice is not sent on another day"

# All variables of templates, with the values of the preview.
EXAMPLE: Mapping[str, Value] = {
    "brand": "Acme",
    "name": "Asha Rao",
    "order": "1001",
    "reference": "ORDER-1001",
    "waybill": "1234567890",
    "courier": "Delhivery",
    "status": "OutForDelivery",
    "reason": "Customer Unavailable",
    "edd": Day(date(2026, 11, 24), 2026),
    "at": Moment(datetime(2026, 11, 23, 10, 30, tzinfo=UTC), 2026),
    "is_return": False,
    "is_today": True,
    "track_url": "https://track.shop.example/track/5vd6hvnrhwxyfxlp",
}


class TemplateRefused(AwbridgeError):
    """A template is missing or invalid. The text names the file and the problem."""


@dataclass(frozen=True, slots=True)
class Rendered:
    text: str
    subject: str = ""
    html: str | None = None
    language: str = "en"
    dlt_template_id: str = ""


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """The file of a message: its name below the folder of templates. `is_own`: it is in the configured folder."""

    name: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """A finding of the lint. `wrong`: the message cannot be sent; otherwise a warning."""

    file: str
    text: str
    wrong: bool = True


class Templates:
    """The shipped templates; files of a folder take precedence. Raises SettingsError for wrong words of a language."""

    def __init__(self, folder: Path | None = None, *, default_language: str = "en") -> None:
        self._package = resources.files("awbridge") / "templates" / "notices"
        self._folder = folder
        self._default = default_language
        self._dates = page_languages.load_languages(folder)

    def render(
        self,
        milestone: Milestone,
        channel: Channel,
        language: str,
        values: Mapping[str, Value],
        *,
        dlt: bool = False,
    ) -> Rendered:
        """The message for one customer, days and times in words. Raises TemplateRefused.

        `dlt`: it is an SMS in India, where operators deliver a link only if the registered template has one. The
        template says so with a line `dlt_link: yes` at its top; without it, `track_url` is empty.
        """
        head, body, found = self._find(milestone, channel, language)
        worded = spoken(values, found, self._dates)
        if dlt and head.get("dlt_link") != "yes":
            worded["track_url"] = ""
        clean = {name: value if name == "track_url" else _for_channel(channel, value) for name, value in worded.items()}
        where = f"{found}/{milestone}"
        text = _render(_TEXT, body, clean, where).strip()[:LONGEST_TEXT]
        subject = " ".join(_render(_TEXT, head.get("subject", ""), clean, where).split())
        page = self._page(milestone, found, text, subject, clean) if channel is Channel.MAIL else None
        return Rendered(text, subject, page, found, head.get("dlt_template_id", ""))

    def names_day(self, milestone: Milestone, channel: Channel, language: str, values: Mapping[str, Value]) -> bool:
        """Whether the message would name a day (such as today) although it is not the scan's day.

        A template in a language that `day_words` lacks can declare it with a line `names_day: yes` at its top. Raises
        TemplateRefused.
        """
        head, body, found = self._find(milestone, channel, language)
        if declared := head.get("names_day"):
            return declared == "yes"
        # Examples replace the values: a shop named Sunday does not name a day. A date is right on every day, so the
        # weekday in it does not count: dates become digits.
        examples = {name: EXAMPLE[name] if value and value is not True else value for name, value in values.items()}
        examples = spoken(examples, "", {})
        parts = (body, head.get("subject", ""))
        values_later = {**examples, "is_today": False}
        return any(day_words.names_day(_render(_TEXT, part, values_later, f"{found}/{milestone}")) for part in parts)

    @property
    def folder(self) -> Path | None:
        """The configured folder, whose files take precedence."""
        return self._folder

    def file_of(self, milestone: Milestone, channel: Channel, language: str) -> TemplateFile | None:
        """The file that a message is rendered from; None if there is none."""
        for name in self._candidates(milestone, channel, language):
            if self._read(name) is not None:
                return TemplateFile(name, self._folder is not None and (self._folder / name).is_file())
        return None

    def _candidates(self, milestone: Milestone, channel: Channel, language: str) -> list[str]:
        languages = [one for one in dict.fromkeys((language, self._default, "en")) if re.fullmatch(r"[a-z]{2,8}", one)]
        return [f"{one}/{milestone}.{kind}.j2" for one in languages for kind in (channel, "text")]

    def _page(
        self, milestone: Milestone, language: str, text: str, subject: str, values: Mapping[str, str | bool]
    ) -> str | None:
        own = self._read(f"{language}/{milestone}.html.j2")
        source = own if own is not None else self._read("layout.html.j2")
        if source is None:
            return None
        direction = "rtl" if language in _RIGHT_TO_LEFT else "ltr"
        paragraphs = [_with_link(paragraph, values.get("track_url")) for paragraph in text.split("\n\n")]
        more = {"subject": subject, "paragraphs": paragraphs, "language": language, "direction": direction}
        return _render(_HTML, source, {**values, **more}, f"{language}/{milestone}.html")

    def _find(self, milestone: Milestone, channel: Channel, language: str) -> tuple[dict[str, str], str, str]:
        """The head and the body of a message's template, and its language. Raises TemplateRefused."""
        for name in self._candidates(milestone, channel, language):
            if (source := self._read(name)) is not None:
                return *_split_head(source), name.partition("/")[0]
        raise TemplateRefused(f"there is no template of {milestone} for {channel}")

    def _read(self, name: str) -> str | None:
        if self._folder is not None:
            own = self._folder / name
            if own.is_file():
                return own.read_text(encoding="utf-8")
        shipped = self._package.joinpath(*name.split("/"))
        return shipped.read_text(encoding="utf-8") if shipped.is_file() else None

    def lint(self) -> list[TemplateProblem]:
        """The errors and warnings of all templates."""
        messages = product(self.languages(), Milestone, Channel)
        findings = [problem for message in messages for problem in self._lint_one(*message)]
        return list(dict.fromkeys([*findings, *self._unread_files()]))

    def languages(self) -> list[str]:
        """The shipped languages and those of the folder."""
        own = [p.name for p in self._folder.iterdir() if p.is_dir()] if self._folder and self._folder.is_dir() else []
        return sorted({*LANGUAGES, *own} - {page_languages.FOLDER})

    def language_name(self, code: str) -> str:
        """A language's own name, such as "हिन्दी"; its code where no file of the customer's page names it."""
        words = self._dates.get(code)
        return words.name if words else code

    def _lint_one(self, language: str, milestone: Milestone, channel: Channel) -> list[TemplateProblem]:
        file = f"{language}/{milestone}.{channel}.j2"
        findings: list[TemplateProblem] = []
        try:
            head, body, _ = self._find(milestone, channel, language)
            for part in (body, head.get("subject", "")):
                findings += [TemplateProblem(file, f"unknown variable {name}") for name in _unknown_names(part)]
            findings += [
                TemplateProblem(file, f"unknown line {n!r} at the top") for n in sorted(set(head) - _HEAD_NAMES)
            ]
            rendered = self.render(milestone, channel, language, EXAMPLE, dlt=channel is Channel.SMS)
            if self.names_day(milestone, channel, language, EXAMPLE):
                findings.append(TemplateProblem(file, _NAMES_DAY, wrong=False))
        except (TemplateRefused, TemplateError) as error:
            return findings or [TemplateProblem(file, str(error))]
        if head.get("dlt_link", "yes") not in ("yes", "no"):
            findings.append(TemplateProblem(file, "dlt_link is yes or no", wrong=False))
        if not rendered.text:
            findings.append(TemplateProblem(file, "the message is empty"))
        if channel is Channel.MAIL and not rendered.subject:
            findings.append(TemplateProblem(file, "a mail requires a line `subject: ...` at the top"))
        if channel is Channel.SMS and (parts := sms_parts(rendered.text)) > 3:
            findings.append(TemplateProblem(file, f"the example needs {parts} SMS", wrong=False))
        return findings

    def _unread_files(self) -> list[TemplateProblem]:
        """Files of the folder that no message uses."""
        if self._folder is None or not self._folder.is_dir():
            return []
        kinds = (*Channel, "text", "html")
        known = {f"{m}.{kind}.j2" for m in Milestone for kind in kinds}
        found = (p for p in sorted(self._folder.rglob("*")) if p.is_file())
        names = [(p.relative_to(self._folder).as_posix(), p) for p in found]
        names = [(name, p) for name, p in names if not re.fullmatch(rf"{page_languages.FOLDER}/[^/]+\.toml", name)]
        return [
            TemplateProblem(name, "no message uses this file; name it language/milestone.channel.j2", wrong=False)
            for name, path in names
            if name != "layout.html.j2" and not (name.count("/") == 1 and path.name in known)
        ]


@lru_cache(maxsize=512)
def _compiled(environment: ImmutableSandboxedEnvironment, source: str) -> Template:
    """Compiling takes far longer than rendering, and most messages use the same few sources."""
    return environment.from_string(source)


def _render(environment: ImmutableSandboxedEnvironment, source: str, values: Mapping[str, object], where: str) -> str:
    try:
        return _compiled(environment, source).render(values)
    except (TemplateError, ArithmeticError, TypeError, ValueError, AttributeError, LookupError) as error:
        raise TemplateRefused(f"template {where}: {error}") from None


@lru_cache(maxsize=512)
def _unknown_names(source: str) -> tuple[str, ...]:
    """The variables of a source that are unknown. Raises TemplateError."""
    return tuple(sorted(meta.find_undeclared_variables(_TEXT.parse(source)) - set(EXAMPLE)))


def _with_link(paragraph: str, url: object) -> Markup:
    """A paragraph for HTML, in which the link to the customer's page can be clicked."""
    parts = paragraph.split(url) if isinstance(url, str) and url else [paragraph]
    return Markup('<a href="{0}">{0}</a>').format(url).join(parts)


def _split_head(source: str) -> tuple[dict[str, str], str]:
    """The `name: value` lines at the top, and the body."""
    found = _HEAD.match(source)
    if not found:
        return {}, source
    lines = (line.partition(":") for line in found[1].splitlines())
    return {name: value.strip() for name, _, value in lines}, source[found.end() :]


def _for_channel(channel: Channel, value: str | bool) -> str | bool:
    """A value for a message: one line, without control characters and without markup of the channel."""
    if isinstance(value, bool):
        return value
    line = " ".join("".join(c if c.isprintable() or c in _JOINERS else " " for c in value).split())[:LONGEST_VALUE]
    return line.translate(_MARKUP) if channel in (Channel.WHATSAPP, Channel.CHAT) else line


def sms_parts(text: str) -> int:
    """The number of SMS for a text: 160 or 153 characters of the GSM alphabet each, 70 or 67 of any other.

    A character that takes two places (`€`, `[`, an emoji) is never cut: it begins the next SMS (3GPP TS 23.040).
    """
    if all(c in _GSM or c in _GSM_DOUBLE for c in text):
        places, single, part = [2 if c in _GSM_DOUBLE else 1 for c in text], 160, 153
    else:
        places, single, part = [len(c.encode("utf-16-be")) // 2 for c in text], 70, 67
    if sum(places) <= single:
        return 1
    parts, filled = 1, 0
    for size in places:
        if filled + size > part:
            parts, filled = parts + 1, 0
        filled += size
    return parts
