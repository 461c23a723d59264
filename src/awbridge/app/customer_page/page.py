"""Settings -> the customer's page. Raises SettingsError for files that cannot be used."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from awbridge.app.policies import answer_policy
from awbridge.app.settings import Settings
from awbridge.domain.customer_page.brand import Brand
from awbridge.domain.errors import SettingsError
from awbridge.sinks.brand_files import read_css, read_logo
from awbridge.sinks.page_languages import load_languages
from awbridge.steps.customer_page.open_orders import OpenOrders
from awbridge.steps.customer_page.read_orders import PagePolicy
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.web.customer_page.answer_requests import AnswerRequests
from awbridge.web.customer_page.answering import Answering
from awbridge.web.customer_page.app import CustomerPage
from awbridge.web.customer_page.as_json import JsonPages
from awbridge.web.customer_page.files import page_files
from awbridge.web.customer_page.forms import JsonForm
from awbridge.web.customer_page.guess_limiter import GuessLimiter
from awbridge.web.customer_page.pages import PageMaker


def customer_page(
    settings: Settings, store: Store, clock: Clock, refused: Counter[str] | None = None, *, alone: bool = False
) -> CustomerPage | None:
    """The customer's page; None where it is off. `refused` counts guesses that were refused.

    `alone`: whether the process does nothing else.
    """
    keys = settings.track_links.keys
    if keys is None:
        return None
    languages = load_languages(Path(settings.templates_dir) if settings.templates_dir else None)
    if settings.track_language not in languages:
        known = ", ".join(languages)
        raise SettingsError(f"AWBRIDGE_TRACK_LANGUAGE: there is no {settings.track_language}.toml; known are {known}.")
    files = page_files(
        colour=settings.track_colour,
        own_css=read_css(settings.track_css_file) if settings.track_css_file else b"",
        logo=read_logo(settings.track_logo_file) if settings.track_logo_file else None,
    )
    answering = answer_policy(settings)
    policy = PagePolicy(
        zone=settings.zone,
        stuck_after=settings.stuck_after,
        valid_for=settings.track_links_valid_for,
        answers=answering.rules,
    )
    shop = brand(settings)
    pages = PageMaker(languages, shop, files, default=settings.track_language)
    as_json = JsonPages(base_url=settings.track_url, brand=shop, logo=files.logo)
    json = JsonForm(pages, as_json, settings.sites_that_show_parcels)
    answers = AnswerRequests(Answering(store, clock, answering, [urlsplit(settings.track_url).netloc]))
    orders = OpenOrders(store, clock, policy, alone=alone)
    return CustomerPage(orders, keys, pages, files, json, clock, GuessLimiter(refused), answers)


def brand(settings: Settings) -> Brand:
    """The shop as customers know it."""
    return Brand(
        name=settings.track_brand or settings.notice_brand,
        colour=settings.track_colour,
        support_url=settings.track_support_url,
        support_phone=settings.track_support_phone,
        support_mail=settings.track_support_mail,
        footer=settings.track_footer,
    )
