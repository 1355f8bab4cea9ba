"""The Celery application. What its workers promise is chosen in the settings (CELERY_*)."""

import os
from typing import Any

from celery import Celery
from celery.signals import before_task_publish
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

app = Celery("shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@before_task_publish.connect
def note_departure(headers: dict[str, Any], **_kwargs: object) -> None:
    """Say in every message when it was sent, so that a task knows how long it has waited."""
    headers["sent_at"] = timezone.now().isoformat()
