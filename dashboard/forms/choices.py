"""What the form of a deployment offers to choose from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashboard.forms.deployment import NO_REGISTRY, DeploymentForm
from dashboard.forms.sections import SECTIONS, Section, summaries
from deployments.models import Cluster, NodePreset, RegistryCredential, SizePreset

Options = Sequence[tuple[str, str]]

SERVICE_TYPES: Options = (
    ("NodePort", "NodePort: open on every node"),
    ("ClusterIP", "ClusterIP: inside the cluster only"),
    ("LoadBalancer", "LoadBalancer: outside, where the cluster has one"),
)
STRATEGIES: Options = (
    ("RollingUpdate", "One after the other, without a break"),
    ("Recreate", "Stop all, then start: needs no extra room"),
)


@dataclass(frozen=True)
class SectionState:
    """A section with what it is set to, open or closed."""

    section: Section
    summary: str
    is_open: bool


def section_states(form: DeploymentForm) -> list[SectionState]:
    secrets = sum(row.secret for row in form.sent_rows())
    said = summaries(form.values, len(form.sent_rows()) - secrets, secrets)
    opened = form.open_sections
    return [SectionState(one, said[one.name], one.name in opened) for one in SECTIONS]


def options_of(
    *,
    sizes: Sequence[SizePreset],
    clusters: Iterable[Cluster],
    node_presets: Iterable[NodePreset],
    registries: Iterable[RegistryCredential],
) -> Mapping[str, object]:
    """The lists behind the form's choices, for its template."""
    several = len({cluster.pk for cluster in clusters}) > 1
    return {
        "sizes": sizes,
        "service_types": SERVICE_TYPES,
        "strategies": STRATEGIES,
        "node_presets": [("", "Any node that fits"), *_nodes(node_presets, several=several)],
        "registries": [
            ("", "The login for the image's registry, if there is one"),
            *((one.registry, f"Login for {one.registry}") for one in registries),
            (NO_REGISTRY, "No login"),
        ],
    }


def _nodes(presets: Iterable[NodePreset], *, several: bool) -> Options:
    """By name; two clusters may have the same, and the domain takes the chosen cluster's."""
    found: dict[str, str] = {}
    for one in presets:
        words = f"{one.name}: {one.description}" if one.description else one.name
        if several:
            words += f" (in {one.cluster.name})"
        found[one.name] = f"{found[one.name]}; {words}" if one.name in found else words
    return list(found.items())
