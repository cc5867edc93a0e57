"""A team of others, with a canary in every name that it can hold, and a twin of each name that nobody has.

Whoever may not know of the team must get, for the canary, the very answer that they get for the twin.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from deployments import intent
from deployments.models import (
    Cluster,
    ClusterState,
    Deployment,
    Event,
    Happening,
    Namespace,
    NodePreset,
    Sizing,
    TimelineEntry,
)
from deployments.sealing import ensure_sealing_key
from teams.models import Membership, Team
from teams.roles import Role, Scope
from teams.tokens import create_token
from tests.deployments.held import a_node, a_pod

CANARY, TWIN = "kanarie", "wielewa"
HOUSE = f"{CANARY}-house"
NODE_PORT = 31717
SAMPLE = {"path": f"/{CANARY}-path", "method": "POST", "body": {CANARY: 1}}


def twin_of(text: str) -> str:
    """The same text about something that does not exist; of the same length."""
    return text.replace(CANARY, TWIN)


@dataclass(frozen=True)
class World:
    """`values` is what addresses are made of; `neighbour` leads the team `fraud`, which `viewer` looks at."""

    values: dict[str, object]
    neighbour: User
    viewer: User
    own: Deployment

    @property
    def twins(self) -> dict[str, object]:
        """Of every value one that leads nowhere."""
        return {name: _nowhere(value) for name, value in self.values.items()}


def _nowhere(value: object) -> object:
    text = str(value)
    if CANARY in text:
        return twin_of(text)
    if "-" in text:
        return "00000000-0000-4000-8000-000000000000"
    return 999_999_999 if text.isdigit() else "nobodys"


def make_world() -> World:
    """The canary's team beside another one, in a cluster of both and in one of its own."""
    ensure_sealing_key()
    shared = _cluster("local", prometheus_url=f"http://{CANARY}-prometheus.example:9090")
    alone = _cluster(
        f"{CANARY}-cluster",
        node_address=f"{CANARY}-address.example",
        message=f"{CANARY}-message",
        version=f"v1.34.0+{CANARY}",
    )
    fraud = Team.objects.create(name="fraud", title="Fraud")
    theirs = Team.objects.create(name=f"{CANARY}-team", title=f"Team {CANARY}")
    Namespace.objects.create(cluster=shared, team=fraud, name="fraud")
    neighbour, viewer = _member(fraud, "neighbour", Role.LEAD), _member(fraud, "viewer", Role.VIEWER)
    boss = _member(theirs, f"{CANARY}-boss", Role.LEAD)
    for cluster in (shared, alone):
        Namespace.objects.create(cluster=cluster, team=theirs, name=f"{CANARY}-space")
    own = _deployed(fraud, neighbour, "card-check", "cards", {"cluster": "local"})
    port = {"service": {"type": "NodePort", "node_port": NODE_PORT}}
    values = _keeping(theirs, boss, alone)
    house = _deployed(
        theirs, boss, HOUSE, HOUSE, {"cluster": "local", "registry": f"{CANARY}.example", **port}
    )
    _deployed(theirs, boss, f"{CANARY}-alone", HOUSE, {"cluster": alone.name})
    return World({**values, **_seen(house, boss), **_ids(house)}, neighbour, viewer, own)


def _cluster(name: str, **columns: Any) -> Cluster:
    columns = {"node_address": "127.0.0.1", **columns}
    return Cluster.objects.create(
        name=name, state=ClusterState.CONNECTED, seen_at=timezone.now(), price_cpu_hour=1, **columns
    )


def _member(team: Team, name: str, role: Role) -> User:
    user = User.objects.create_user(name, email=f"{name}@example.org", first_name=name, password=name)
    Membership.objects.create(team=team, user=user, role=role.value)
    return user


def _deployed(team: Team, by: User, name: str, model: str, more: dict[str, Any]) -> Deployment:
    """A deployment that runs; its model is made with the first one."""
    found = team.ml_models.filter(name=model).first()
    if found is None:
        words = CANARY if CANARY in model else "words"
        found = intent.register_model(
            team, {"name": model, "task": f"{words}-task", "description": f"{words} text"}, by=by
        )
        version = {
            "version": f"1.0-{words}",
            "image": f"{words}.example/{words}-image:1.0",
            "framework": f"{words}-framework",
            "description": f"{words} version",
            "sample_request": SAMPLE if words == CANARY else None,
            "links": [{"title": f"{words}-run", "url": f"https://{words}.example/run"}],
            "env_schema": [{"name": f"{words.upper()}_ASKED", "description": f"{words} asked"}],
        }
        intent.add_version(found, version, by=by)
    words = CANARY if CANARY in name else "words"
    payload = {
        "name": name,
        "model": model,
        "version": found.versions.get().version,
        "env": [
            {"name": f"{words.upper()}_ENV", "value": f"{words}-value"},
            {"name": f"{words.upper()}_SECRET", "value": f"{words}-secret", "secret": True},
        ],
        "change_cause": f"{words} cause",
        **more,
    }
    row = intent.create_deployment(team, payload, by=by).deployment
    Deployment.objects.filter(pk=row.pk).update(state="running", ready_replicas=1, applied_generation=1)
    row.refresh_from_db()
    return row


def _keeping(team: Team, boss: User, alone: Cluster) -> dict[str, object]:
    """What a team keeps beside its deployments: people, programs, logins, addresses."""
    account = intent.create_service_account(
        team, {"name": f"{CANARY}-ci", "description": f"{CANARY} builds"}, by=boss
    )
    _, token = create_token(account.user, f"{CANARY}-token", [Scope.READ], team=team)
    registry = {"registry": f"{CANARY}.example", "username": f"{CANARY}-bot", "password": f"{CANARY}-pw"}
    intent.set_registry(team, registry, by=boss)
    webhook, _ = intent.create_webhook(team, {"url": f"https://{CANARY}.example/hook"}, by=boss)
    NodePreset.objects.create(cluster=alone, name=f"{CANARY}-preset", description=f"{CANARY} nodes")
    intent.add_member(team, {"username": f"{CANARY}-awaited", "role": "viewer"}, by=boss)
    _, invitation = intent.invite(team, {"invitee": f"{CANARY}-invited", "role": "viewer"}, by=boss)
    return {
        "team": team.name,
        "account": account.name,
        "token": token.pk,
        "registry": f"{CANARY}.example",
        "webhook": webhook.pk,
        "invitation": invitation.pk,
        # Whoever has the link of an invitation is told of the team; this is none.
        "secret": f"{CANARY}-link",
        # A passkey of somebody's.
        "pk": 1,
        "cluster": alone.name,
        "preset": f"{CANARY}-preset",
        "namespace": f"{CANARY}-space",
        "username": boss.username,
        "session": "11111111-1111-4111-8111-111111111111",
        "size": f"{CANARY}-size",
    }


def _seen(house: Deployment, boss: User) -> dict[str, object]:
    """What the observer stores: a node with the pod on it, an event, a log, a diagnosis, a happening."""
    now = timezone.now()
    a_node(house.cluster, "node-1", used=("1", "1Gi"))
    a_node(Cluster.objects.get(name=f"{CANARY}-cluster"), f"{CANARY}-node", used=("1", "1Gi"))
    pod = a_pod(house, "node-1", used=("500m", "1Gi"), gpu=1)
    for cluster in Cluster.objects.all():
        stray = a_pod(cluster, "node-1")
        stray.namespace, stray.name = f"{CANARY}-stray", f"{CANARY}-stray-pod"
        stray.save()
    Event.objects.create(
        cluster=house.cluster, deployment=house, uid="event-1", type="Warning", reason=f"{CANARY}Reason",
        message=f"{CANARY} message", object_kind="Pod", object_name=pod.name, first_at=now, last_at=now,
    )  # fmt: skip
    log = house.captured_logs.create(pod=pod.name, pod_uid="0", container="model", text=f"{CANARY} line")
    TimelineEntry.objects.create(deployment=house, kind="wish", text=f"{CANARY} entry", actor=boss.username)
    Happening.objects.create(
        team=house.team, deployment=house, kind="deployment.failed", text=f"{CANARY} failed", payload={}
    )
    Sizing.objects.create(
        deployment=house,
        revision=1,
        computed_at=now,
        cpu=300,
        memory=2**28,
        idle_since=now - timedelta(days=9),
    )
    schedule = intent.add_schedule(house, {"cron": "0 20 * * *", "replicas": 1}, by=boss)
    Deployment.objects.filter(pk=house.pk).update(node_port=NODE_PORT, message=f"{CANARY} message")
    return {"pod": pod.name, "captured": log.pk, "schedule": schedule.pk}


def _ids(house: Deployment) -> dict[str, object]:
    return {
        "name": HOUSE,
        "model": HOUSE,
        "version": f"1.0-{CANARY}",
        "number": 1,
        "operation": house.operations.latest("created_at").pk,
    }
