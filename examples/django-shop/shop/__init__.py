"""The shop's project: as Celery asks for it, its application is loaded with Django."""

from shop.celery import app as celery_app

__all__ = ("celery_app",)
