"""Settings of the ledger: an ordinary project, to which EXTRA_APPS adds the applications that make trouble."""

import os
from pathlib import Path

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = os.environ.get("SECRET_KEY", "django-insecure-dev-only")
APP_VERSION = os.environ.get("APP_VERSION", "dev")

INSTALLED_APPS = [
    "channels",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "books",
    *os.environ.get("EXTRA_APPS", "").split(),
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
]

ROOT_URLCONF = "ledger.urls"
ASGI_APPLICATION = "ledger.asgi.application"
WSGI_APPLICATION = "ledger.wsgi.application"

DATABASES = {"default": dj_database_url.config(default="sqlite:////tmp/ledger.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
