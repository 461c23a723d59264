"""Settings of the customer's page: its address, its links, what customers may answer on it."""

from datetime import timedelta
from typing import TYPE_CHECKING

from awbridge.app.settings.fields import Field, SettingsBase, Sharing
from awbridge.app.settings.types import CustomerAnswers, LinkKeyTexts, PageOrigins, PublicUrl

if TYPE_CHECKING:
    from awbridge.domain.customer_page.links import TrackLinks
    from awbridge.domain.customer_page.origins import Origins


class CustomerPageSettings(SettingsBase, group="The customer's page"):
    """[The page](docs/how-to/operate/customer-page.md): its links, and what customers may answer on it.

    It is off while `AWBRIDGE_TRACK_URL` or `AWBRIDGE_TRACK_KEYS` is empty: no link is made, and `/track` answers 404.
    """

    track_url: PublicUrl = Field(
        "",
        example="https://track.shop.example",
        sharing=Sharing.DERIVED,
        description="Your address of the page: `/track` and `/t` under it must reach awbridge. http is allowed "
        "for this machine alone.",
    )
    track_keys: LinkKeyTexts = Field(
        (),
        example="the-key-that-links-new-key-prints",
        sharing=Sharing.DERIVED,
        description="Keys that make the links to the page, each of at least 16 characters: the first one makes "
        "them, all of them open them ([rotation](docs/how-to/operate/customer-page.md#rotating-the-keys)).",
    )
    track_link_days: int = Field(
        90,
        ge=1,
        le=3650,
        description="Days that a link works after the parcel's end, or after its latest news if it has not ended.",
    )
    track_origins: PageOrigins = Field(
        "",
        example="https://shop.example",
        sharing=Sharing.OWN,
        description="Your sites that may show a parcel [by its JSON or the "
        "widget](docs/how-to/operate/customer-page.md#on-your-own-site): exact origins such as "
        "`https://shop.example`, comma-separated; `*` means any site. Empty: none.",
    )
    track_short_links: bool = Field(
        True, description="Whether SMS carry the short form of the link, `/t/...` instead of `/track/...`."
    )
    track_process: bool = Field(
        True,
        sharing=Sharing.PROCESS,
        description="Whether `awbridge serve` starts [a second process](docs/how-to/operate/customer-page.md#many-"
        "customers-at-once) that makes the pages while many customers wait for theirs.",
    )
    customer_answers: CustomerAnswers = Field(
        "*/*/*=ask",
        description="How [customers' answers](docs/how-to/operate/customer-page.md#rules) are treated, by "
        "courier partner, NDR code and answer: `courier/reason/answer=send`, `ask` or `off`, comma-separated, "
        "`*` for all; the last that matches decides.",
    )

    @property
    def sites_that_show_parcels(self) -> "Origins":
        """The sites that may read a parcel's JSON in a browser."""
        from awbridge.domain.customer_page.origins import read_origins

        return read_origins(self.track_origins)

    @property
    def track_links(self) -> "TrackLinks":
        """What makes and opens links; it makes none where the page is off."""
        from awbridge.domain.customer_page.links import LinkKeys, TrackLinks

        keys = [key.get_secret_value() for key in self.track_keys]
        return TrackLinks(self.track_url, LinkKeys(keys)) if self.track_url and keys else TrackLinks()

    @property
    def track_links_valid_for(self) -> timedelta:
        """How long a link works after the parcel's end or its latest news."""
        return timedelta(days=self.track_link_days)
