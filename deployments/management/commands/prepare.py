"""`manage.py prepare`: migrations and first data, in one process. Safe to repeat at each start."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from deployments.first_data import ensure_first_data
from deployments.management.commands.rotate_key import words_of
from deployments.rotation import lost_keys
from deployments.sealing import SealBroken
from k8s.errors import UnusableCredentials


class Command(BaseCommand):
    help = "Migrate the database and create first data where it is missing."
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--despite-lost-keys",
            action="store_true",
            help="start although values are sealed with keys that are gone: they must be typed anew",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        Path(settings.DATA_DIR).mkdir(parents=True, exist_ok=True)
        forget_counted()
        call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
        kubeconfig = Path(settings.KUBECONFIG_PATH) if settings.KUBECONFIG_PATH else None
        try:
            ensure_first_data(
                kubeconfig=kubeconfig, context=settings.KUBE_CONTEXT, data_dir=Path(settings.DATA_DIR)
            )
        except (UnusableCredentials, SealBroken, OSError) as exc:
            raise CommandError(f"The kubeconfig {kubeconfig} cannot be used: {exc}") from exc
        if settings.ENCRYPTION_KEY and (lost := lost_keys()):
            if not options["despite_lost_keys"]:
                raise CommandError(f"{words_of(lost)} If it is gone: manage.py prepare --despite-lost-keys.")
            self.stderr.write(words_of(lost))
        self.stdout.write("The database is up to date.")


def forget_counted() -> None:
    """Deletes what processes of an earlier start have counted: they are gone, and their streams closed."""
    if settings.METRICS_DIR is not None:
        for path in settings.METRICS_DIR.glob("*/*.db"):
            path.unlink(missing_ok=True)
