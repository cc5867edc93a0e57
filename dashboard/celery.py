"""The Celery application: JSON only, late acknowledgement, settings from Django."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings.local")

app = Celery("timoneiro")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["deployments"])
