import os

SECRET_KEY = os.environ.get("SECRET_KEY", "development")
DEBUG = True
INSTALLED_APPS = [
    "channels",
    "django.contrib.auth",
    "polymorphic",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "guardian",
    "realtime_chat_messaging",
]
ROOT_URLCONF = "messagingsite.urls"
ASGI_APPLICATION = "messagingsite.asgi.application"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("DATABASE_FILE", ":memory:")}
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "TIMEOUT": 86400}}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
REALTIME_CHAT_MESSAGING = {"INACTIVITY_THRESHOLD": 30}
USE_TZ = True
