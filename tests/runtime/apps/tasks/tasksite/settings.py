import os

SECRET_KEY = os.environ.get("SECRET_KEY", "development")
DEBUG = True
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
CELERY_BROKER_URL = "redis://localhost:1/0"
CELERY_RESULT_BACKEND = "redis://localhost:1/0"
CELERY_WORKER_PREFETCH_MULTIPLIER = 4
USE_TZ = True
