"""Settings of the looks of the customer's page: the shop's name, colour, logo, support, own CSS."""

from pathlib import Path

from awbridge.app.settings.fields import Field, SettingsBase, Sharing
from awbridge.app.settings.types import Colour, SupportMail, SupportPhone, SupportUrl


class BrandSettings(SettingsBase, group="Looks of the customer's page", sharing=Sharing.OWN):
    """How [the page](docs/how-to/operate/customer-page.md#brand) looks."""

    track_brand: str = Field(
        "", example="Acme", max_length=60, description="Your name on the page; if empty, `AWBRIDGE_NOTICE_BRAND`."
    )
    track_logo: str = Field(
        "",
        example="/etc/awbridge/logo.svg",
        description="The file of your logo: PNG, SVG, JPEG or WebP of at most 200 KiB.",
    )
    track_colour: Colour = Field(
        "#1f4fbf", description="Your colour, as #rrggbb; texts on it are black or white, whichever reads better."
    )
    track_support_url: SupportUrl = Field(
        "", example="https://shop.example/help", description="Your help page, for customers with questions."
    )
    track_support_phone: SupportPhone = Field(
        "", example="+91 80 1234 5678", description="Your phone number for customers."
    )
    track_support_mail: SupportMail = Field(
        "", example="help@shop.example", description="Your mail address for customers."
    )
    track_footer: str = Field(
        "",
        example="Acme Retail, Bengaluru",
        max_length=300,
        description="A line at the end of the page, such as your address.",
    )
    track_css: str = Field(
        "",
        example="/etc/awbridge/page.css",
        description="A file of your own CSS, laid over the page's "
        "([brand](docs/how-to/operate/customer-page.md#brand)); at most 100 KiB.",
    )
    track_language: str = Field(
        "en",
        pattern="[a-z]{2,3}(-[a-z0-9]{2,8})*",
        form="a language's code in lower case",
        description="The language of the page if neither the browser nor the payload names one that there is.",
    )

    @property
    def track_logo_file(self) -> Path | None:
        """The logo's file."""
        return Path(self.track_logo) if self.track_logo else None

    @property
    def track_css_file(self) -> Path | None:
        """The file of own CSS."""
        return Path(self.track_css) if self.track_css else None
