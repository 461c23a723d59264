"""The pages for people: plain HTML that works without JavaScript. A further room adds its routes and templates."""

from __future__ import annotations

from awbridge.web.pages.rooms import build_pages, is_page

__all__ = ["build_pages", "is_page"]
