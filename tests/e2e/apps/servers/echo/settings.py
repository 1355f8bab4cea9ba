"""The least a project needs for a view and a socket; no database, no sessions."""

import os

SECRET_KEY = os.environ.get("SECRET_KEY", "development")
DEBUG = True
ALLOWED_HOSTS = ["localhost"]
INSTALLED_APPS = ["channels"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "echo.urls"
ASGI_APPLICATION = "echo.asgi.application"
WSGI_APPLICATION = "echo.wsgi.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
USE_TZ = True
