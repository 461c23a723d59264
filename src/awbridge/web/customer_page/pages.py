"""Renders the customer's page and its problem pages from the template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import escape
from msgspec import structs

from awbridge.domain.customer_page.answer_view import FormNotice, answers_view
from awbridge.domain.customer_page.brand import Brand
from awbridge.domain.customer_page.parcel import CustomerOrder
from awbridge.domain.customer_page.view import PageView, page_view
from awbridge.domain.customer_page.words import Words
from awbridge.web.customer_page.files import PageFiles
from awbridge.web.customer_page.main_part import main_part
from awbridge.web.customer_page.responses import Framed, Part

FOLDER = "templates/customer_page"
_TITLE, _MAIN = "\ufdd0", "\ufdd1"  # marks in the layout: no text has these code points, which are no characters


@dataclass(frozen=True, slots=True)
class Switch:
    """The language of a page that is asked for, and where the page stands: `depth` folders below the root.

    `token`: of its link, by which its forms name it; "" for a page without a parcel.
    """

    language: str
    depth: int = 1
    token: str = ""

    @property
    def root(self) -> str:
        """The way from the page to the folder in which /track is: relative, since a proxy may add a path."""
        return "../" * self.depth or "./"


class PageMaker:
    """Makes pages in any of the languages. `default`: of a customer of whom no language is known."""

    def __init__(self, languages: Mapping[str, Words], brand: Brand, files: PageFiles, *, default: str = "en") -> None:
        self.languages = dict(languages)
        self.codes = tuple(languages)
        self.default = default if default in languages else "en"
        self._brand = brand
        self._files = files
        environment = Environment(
            loader=PackageLoader("awbridge", FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._layout = environment.get_template("layout.html.j2")
        self._answers = environment.get_template("answers.html.j2")
        self._proof = environment.get_template("proof.html.j2")
        self._problem = environment.get_template("problem.html.j2")
        self._frame = lru_cache(maxsize=256)(self._new_frame)
        self._head = lru_cache(maxsize=512)(self._new_head)

    def view(self, order: CustomerOrder, language: str, today: date, notice: FormNotice | None = None) -> PageView:
        """The page of an order as texts, with its forms. `notice`: what is told about one of them."""
        words = self.languages[language]
        view = page_view(order, words, today=today)
        shown = zip(order.parcels, view.parcels, strict=True)
        asked = [(parcel.asks, one.title) for parcel, one in shown if parcel.asks]
        if not asked and notice is None:
            return view
        zone = order.parcels[0].ordered_at.tzinfo or UTC
        return structs.replace(view, answers=answers_view(asked, words, today=today, zone=zone, notice=notice))

    def page(self, view: PageView, switch: Switch) -> Framed:
        """The page of an order as HTML."""
        forms = self._answers.render(self._common(switch), answers=view.answers) if view.answers else ""
        main = main_part(view, self.languages[switch.language].texts, forms)
        return self._framed(view.headline, main, switch)

    def proof(self, switch: Switch, proof_url: str) -> Framed:
        """The page that leads to the proof of delivery."""
        title = self.languages[switch.language].text("answers.proof_title")
        return self._framed(title, self._proof.render(self._common(switch), proof_url=proof_url), switch)

    def problem(self, name: str, switch: Switch) -> Framed:
        """The page that says why there is nothing: gone, busy or limit."""
        title = self.languages[switch.language].text(f"problem.{name}_title")
        return self._framed(title, self._problem.render(self._common(switch), problem=name), switch)

    def _framed(self, title: str, main: str, switch: Switch) -> Framed:
        """A page of its main part. What is around that depends on nothing else of a parcel than the title."""
        head = self._head(switch.language, switch.depth, title)
        return Framed(head, main.encode(), self._frame(switch.language, switch.depth)[2])

    def _new_head(self, language: str, depth: int, title: str) -> Part:
        before, between, _ = self._frame(language, depth)
        return Part(f"{before}{escape(title)}{between}")

    def _new_frame(self, language: str, depth: int) -> tuple[str, str, Part]:
        whole = self._layout.render(self._common(Switch(language, depth)), title=_TITLE, main=_MAIN)
        before, _, rest = whole.partition(_TITLE)
        between, _, after = rest.partition(_MAIN)
        return before, between, Part(after, is_last=True)

    def _common(self, switch: Switch) -> dict[str, object]:
        return {
            "words": self.languages[switch.language],
            "t": self.languages[switch.language].texts,
            "languages": self.languages.values(),
            "brand": self._brand,
            "files": self._files,
            "root": switch.root,
            "token": switch.token,
        }
