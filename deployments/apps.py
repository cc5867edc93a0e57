from importlib import import_module

from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "deployments"

    def ready(self) -> None:
        # By name: it needs the models, which are there from now on only.
        import_module("deployments.rights")
