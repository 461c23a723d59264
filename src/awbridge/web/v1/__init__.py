"""The API under /v1: routers and their views."""
