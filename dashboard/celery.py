"""The Celery application: JSON only, late acknowledgement, settings and log from Django."""

import logging
import os
import time
from importlib import import_module
from typing import Any

from celery import Celery, Task
from celery.signals import setup_logging, task_postrun, task_prerun, worker_init
from django.conf import settings

from deployments import tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings.local")

app = Celery("timoneiro")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["deployments"])

log = logging.getLogger("deployments.tasks")
_BEGUN = "timoneiro_begun"


@setup_logging.connect
def keep_logging(**_signal: Any) -> None:
    """That somebody listens here keeps Celery from a log of its own, beside that of the settings."""


@worker_init.connect
def say_that_it_lives(**_signal: Any) -> None:
    """By name: nobody but a worker has use for what it takes."""
    if settings.ALIVE_FILE is not None:
        app.steps["consumer"].add(import_module("dashboard.signs_of_life").SaysSo)


@task_prerun.connect
def note_begin(task_id: str, task: "Task[Any, Any]", **_signal: Any) -> None:
    """What the task writes to the log names it, and the request that it was sent for."""
    tracing.begin_task(task_id, getattr(task.request, tracing.HEADER, ""))
    setattr(task.request, _BEGUN, time.perf_counter())


@task_postrun.connect
def note_end(task: "Task[Any, Any]", state: str, **_signal: Any) -> None:
    """A task that somebody's request stands behind is a line by default; upkeep is one while debugging."""
    ms = (time.perf_counter() - getattr(task.request, _BEGUN, 0.0)) * 1000
    level = logging.INFO if tracing.current().request_id else logging.DEBUG
    fields = {"task": task.name, "state": str(state).lower(), "ms": round(ms, 1)}
    log.log(level, "%(task)s %(state)s in %(ms)s ms", fields, extra={"fields": fields})
    tracing.end_task()
