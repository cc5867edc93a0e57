"""`manage.py observe`: the observer process."""

import asyncio
from typing import Any

from django.core.management.base import BaseCommand

from deployments.observe.process import observe_until_stopped
from k8s.memory import return_large_buffers


class Command(BaseCommand):
    help = "Watch the clusters and store what they say. A second one waits for the first to end."
    requires_system_checks: tuple[str, ...] = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        return_large_buffers()
        asyncio.run(observe_until_stopped())
