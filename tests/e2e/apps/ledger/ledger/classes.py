"""The same settings as a class, the way django-configurations wants them."""

from configurations import Configuration

from ledger import settings


class Production(Configuration):
    SECRET_KEY = settings.SECRET_KEY
    APP_VERSION = settings.APP_VERSION
    INSTALLED_APPS = settings.INSTALLED_APPS
    MIDDLEWARE = settings.MIDDLEWARE
    ROOT_URLCONF = settings.ROOT_URLCONF
    ASGI_APPLICATION = settings.ASGI_APPLICATION
    DATABASES = settings.DATABASES
    DEFAULT_AUTO_FIELD = settings.DEFAULT_AUTO_FIELD
    USE_TZ = settings.USE_TZ
