"""A Channels project as its tutorial makes it."""

import os

SECRET_KEY = os.environ.get("SECRET_KEY", "development")
ALLOWED_HOSTS = ["localhost"]
INSTALLED_APPS = ["channels", "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
ROOT_URLCONF = "rooms.urls"
ASGI_APPLICATION = "rooms.asgi.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
