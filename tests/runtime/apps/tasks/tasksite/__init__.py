from tasksite.celery import app

__all__ = ["app"]
