"""The shop's settings. What differs between installations comes from variables that begin with SHOP_."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent


def database(url: str) -> dict[str, object]:
    """Django's description of a database: `postgresql://user:secret@host/name`, or `sqlite:///file`."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        # Writers wait for each other instead of failing: without IMMEDIATE, a transaction that read first may not.
        options = {"transaction_mode": "IMMEDIATE"}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / parts.path[1:], "OPTIONS": options}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path[1:],
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
    }


DATABASES = {"default": database(os.environ.get("SHOP_DATABASE_URL", "sqlite:///shop.sqlite3"))}

# awbridge: the schema with its tables, empty where it has another database; then the address of its API.
SHIPPING_SCHEMA = os.environ.get("SHOP_SHIPPING_SCHEMA", "awbridge")
SHIPPING_API = os.environ.get("SHOP_SHIPPING_API", "http://127.0.0.1:8000")
SHIPPING_API_KEY = os.environ.get("SHOP_SHIPPING_API_KEY", "")
SHIPPING_WEBHOOK_SECRET = os.environ.get("SHOP_SHIPPING_WEBHOOK_SECRET", "")

# Which courier account carries the orders, and where it picks them up.
TRANSPORTER = "Delhivery Surface"
PICKUP = {
    "pickup_name": "Main Warehouse",
    "pickup_phone": "9000000001",
    "pickup_address": "12 Dock Road",
    "pickup_city": "Mumbai",
    "pickup_state": "Maharashtra",
    "pickup_pincode": "400065",
    "pickup_country": "IN",
}

# The rest is as `django-admin startproject` makes it.
DEBUG = os.environ.get("SHOP_DEBUG", "") == "1"
SECRET_KEY = os.environ.get("SHOP_SECRET_KEY", "for-development-only")
ALLOWED_HOSTS = os.environ.get("SHOP_HOSTS", "127.0.0.1,localhost").split(",")
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
INSTALLED_APPS = ["orders"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "Asia/Kolkata"
USE_TZ = True
TEST_RUNNER = "orders.testing.Runner"
