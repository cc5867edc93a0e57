from importlib import import_module

from django.apps import AppConfig
from django.conf import settings


class DashboardConfig(AppConfig):
    name = "dashboard"

    def ready(self) -> None:
        # By name: it needs the models, which are there from now on only.
        import_module("dashboard.entrance.noting")
        if settings.OTLP_ENDPOINT:
            # By name: where no traces are wanted, nothing of OpenTelemetry is loaded.
            telemetry = import_module("dashboard.telemetry")
            telemetry.traces.begin(settings.OTLP_ENDPOINT, service=settings.OTLP_SERVICE)
