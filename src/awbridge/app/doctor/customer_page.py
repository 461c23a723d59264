"""Checks of the customer's page: whether it is on, and whether customers can reach it."""

from __future__ import annotations

from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING, CheckContext, Diagnosis
from awbridge.app.settings import Settings
from awbridge.clickpost.client import probe
from awbridge.domain.customer_page.links import HEALTH_PATH, HEALTH_TEXT, SHORT, TOKEN_LENGTH

_NAME = "customer page"


async def check_customer_page(context: CheckContext) -> list[Diagnosis]:
    settings = context.settings
    if not settings.track_links.is_on:
        return [_off(settings)]
    url = settings.track_url + HEALTH_PATH
    return [judge_page(await probe.get_health(url), settings.track_url), *_long_links(settings)]


def _off(settings: Settings) -> Diagnosis:
    if not settings.track_url and not settings.track_keys:
        return Diagnosis(_NAME, OK, "off: AWBRIDGE_TRACK_URL and AWBRIDGE_TRACK_KEYS are not set")
    missing = "AWBRIDGE_TRACK_KEYS" if settings.track_url else "AWBRIDGE_TRACK_URL"
    do = f"set {missing}" + (" to the key that awbridge links new-key prints" if settings.track_url else "")
    return Diagnosis(_NAME, WARNING, f"off: {missing} is not set", do)


def judge_page(response: probe.Probe, url: str) -> Diagnosis:
    """Diagnose how the page is reached by what its health says at AWBRIDGE_TRACK_URL."""
    if response.error:
        do = "start awbridge serve, and let your proxy pass /track and /t to it; try the link from outside your network"
        return Diagnosis(_NAME, WARNING, f"{url} cannot be reached from here ({response.error})", do)
    if response.status == 200 and response.text.strip() == HEALTH_TEXT:
        return Diagnosis(_NAME, OK, f"reachable at {url}")
    text = f"{url}{HEALTH_PATH} returned HTTP {response.status}, not awbridge's response"
    return Diagnosis(_NAME, PROBLEM, text, "pass /track and /t to awbridge serve unchanged, and start it again")


def _long_links(settings: Settings) -> list[Diagnosis]:
    length = len(settings.track_url) + len("/t/") + TOKEN_LENGTH
    if not settings.notice_sms_url.get_secret_value() or not settings.track_short_links or length <= SHORT:
        return []
    text = f"a link in an SMS has {length} characters, more than {SHORT}"
    do = f"use a host of at most {SHORT - len('https:///t/') - TOKEN_LENGTH} characters for AWBRIDGE_TRACK_URL"
    return [Diagnosis("customer page links", WARNING, text, do)]
