"""What Python really says is found again by what was read of its source."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from django.utils import translation

from dashboard.forms.sections import summaries
from dashboard.said import said
from dashboard.views.bulk import foresee
from deployments.errors import InvalidInput
from deployments.intent.scaling import coming_back, set_autoscaling, set_replicas
from deployments.models import Deployment
from deployments.spec.changes import describe_autoscaling, describe_changes
from deployments.spec.clock import check_cron
from deployments.spec.fields import check_name, read_port, read_service
from deployments.spec.reader import Reader
from devtools.sentences import not_shown, sentences
from k8s.connect import load_kubeconfig
from k8s.errors import UnusableCredentials
from k8s.facts import NodeFacts
from k8s.health import judge
from k8s.scheduling import fits
from k8s.spec import Autoscaling, EnvVar, Resources, Service, Spec
from tests.k8s.test_health import crashing, deployment, pod, starting

NOW = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)
KUBECONFIG = """
current-context: X
contexts: [{name: X, context: {cluster: X, user: X}}]
clusters: [{name: X, cluster: {server: "https://X"}}]
users: [{name: X, user: {tokenFile: X}}]
"""
SMALL = Spec(image="X:1", model="X", version="1", port=80)
LARGE = Spec(
    image="X:2",
    model="X",
    version="2",
    port=81,
    env=(EnvVar(name="A", value="1"), EnvVar(name="B", secret=True)),
)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language in which everything is said in capitals."""
    catalogue, hidden = Catalog(locale="pt_BR"), set(not_shown())
    for msgid, _, _ in sentences():
        if msgid not in hidden:
            catalogue.add(msgid, re.sub(r"(\{\w+\})|([^{]+)", lambda it: it[1] or it[2].upper(), msgid))
    folder = tmp_path_factory.mktemp("locale") / "pt_BR" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "django.mo").open("wb") as file:
        write_mo(file, catalogue)
    return folder.parent.parent


@pytest.fixture
def in_capitals(catalogue: Path, settings: Any) -> Iterator[None]:
    settings.LOCALE_PATHS = [catalogue]
    with translation.override("pt-br"):
        yield


def mistakes(read: Callable[[Reader], object], **payload: object) -> str:
    reader = Reader(payload)
    read(reader)
    return " ".join(error.message for error in reader.errors)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises((InvalidInput, UnusableCredentials)) as caught:
        act()
    error = caught.value
    return error.errors[0].message if isinstance(error, InvalidInput) else str(error)


def judged(*pods: Any, wanted: int = 2) -> str:
    facts = deployment(wanted_replicas=wanted)
    return judge(facts, pods, wanted=wanted, expected_revision=2, now=NOW).message


def row(**columns: Any) -> Deployment:
    return Deployment(**{"name": "X", "replicas": 3, **columns})


NODES = [
    NodeFacts(uid="X", name="X", ready=True, cpu_allocatable=1000, memory_allocatable=1024**3),
    NodeFacts(uid="Y", name="Y", ready=False),
]
AUTOMATIC = Autoscaling(min_replicas=1, max_replicas=6, target_cpu_percent=70, target_memory_percent=80)


@pytest.mark.usefixtures("in_capitals")
@pytest.mark.parametrize(
    "say",
    [
        lambda: mistakes(lambda reader: reader.text("a", required=True)),
        lambda: mistakes(lambda reader: check_name(reader, "a", "X" * 51, starts_with_letter=True)),
        lambda: mistakes(lambda reader: read_port(reader, "port", 80), port=0),
        lambda: mistakes(lambda reader: read_service(reader, Service()), service={"type": "X", "port": "X"}),
        lambda: refused(lambda: check_cron("X")),
        lambda: refused(lambda: load_kubeconfig("[")),
        lambda: refused(lambda: load_kubeconfig(KUBECONFIG)),
        lambda: describe_changes(SMALL, LARGE),
        lambda: describe_changes(SMALL, SMALL),
        lambda: describe_autoscaling(AUTOMATIC),
        lambda: set_autoscaling(row(paused_at=NOW), AUTOMATIC),
        lambda: set_autoscaling(row(paused_at=NOW), None),
        lambda: set_replicas(row(paused_at=NOW), 1),
        lambda: f"Pause; {coming_back(row())} on resume",
        lambda: judged(pod(), pod()),
        lambda: judged(starting(), starting()),
        lambda: judged(crashing(), pod()),
        lambda: judged(pod(), pod(template="old")),
        lambda: fits(Resources(cpu="2", memory="1Ti"), None, "X", NODES, ()).why_not,
        lambda: foresee(row(), "pause", ""),
        lambda: foresee(row(replicas=1, paused_at=NOW), "resume", ""),
        lambda: summaries({"scaling": "auto"}, 1, 2)["scaling"],
        lambda: summaries({"rollout.strategy": "Recreate", "rollout.auto_rollback": "true"}, 1, 2)["rollout"],
    ],
)
def test_what_is_said_is_found_again_to_its_last_word(say: Callable[[], str]) -> None:
    text = say()
    assert text
    assert re.findall(r"\b[a-z]{3,}\b", said(text)) == [], text
