from importlib import import_module

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"

    def ready(self) -> None:
        # By name: it needs the models, which are there from now on only.
        import_module("dashboard.entrance.noting")
