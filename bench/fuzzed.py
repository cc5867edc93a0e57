"""Run by `bench.fuzz` in a Django process of its own: makes what the cases are about, and prints a token."""

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone

from bench.fuzz import NAMES
from deployments import intent
from deployments.models import Cluster, Namespace
from deployments.sealing import ensure_sealing_key
from teams.models import Team
from teams.roles import Scope
from teams.tokens import create_token


def main() -> None:
    """Prints the token of an admin, who reaches the most code."""
    call_command("migrate", verbosity=0)
    ensure_sealing_key()
    admin = get_user_model().objects.create_superuser("fuzzer")
    cluster = Cluster.objects.create(
        name="local", state="connected", node_address="127.0.0.1", seen_at=timezone.now()
    )
    team = Team.objects.create(name="pricing")
    Namespace.objects.create(cluster=cluster, team=team, name="pricing")
    model = intent.register_model(team, {"name": "house"}, by=admin)
    for version in ("1.0", "2.0"):
        intent.add_version(model, {"version": version, "image": f"local/house:{version}"}, by=admin)
    for name in NAMES:
        payload = {"name": name, "model": "house", "version": "1.0"}
        intent.create_deployment(team, payload, by=admin)
    print(create_token(admin, "fuzz", [Scope.ADMIN])[0])
