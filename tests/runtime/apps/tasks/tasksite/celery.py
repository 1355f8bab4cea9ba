"""As Celery's guide to Django has it, but for the first line: many projects assign."""

import os
import time
from pathlib import Path

from celery import Celery
from celery.signals import task_received

os.environ["DJANGO_SETTINGS_MODULE"] = "tasksite.settings"

app = Celery("tasksite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = {"tick": {"task": "tasksite.celery.note", "schedule": 3600.0, "args": ["beat"]}}


def mark(name):
    return Path(os.environ["MARKS"]) / name


@task_received.connect
def stand_still(request, **_):
    """A handler that blocks the worker's main loop, as a library waiting for an answer without a time-out would."""
    while request.name.endswith(".block_the_loop") and not mark("go-on").exists():
        time.sleep(0.1)


@app.task
def note(name, seconds=0):
    """Take `seconds`, then leave a mark that the test can see: one for each run."""
    time.sleep(seconds)
    with mark(name).open("a") as file:
        file.write("x")
    return name


@app.task
def block_the_loop():
    pass
