"""The rule of each field, once for forms and API."""

import re
from collections.abc import Callable

import msgspec

from deployments.models import Cluster, NodePreset, RegistryCredential
from deployments.spec.images import parse_image
from deployments.spec.reader import MISSING, Reader
from deployments.spec.sizes import resources_of, size_presets
from k8s.quantities import amount, bytes_, millicores
from k8s.spec import Placement, Resources, Rollout, Security, Service, Spec, Toleration
from teams.models import Team

MAX_NAME_LENGTH = 50
MOST_SECONDS = 86_400
MOST_START_SECONDS = 3_600
MOST_USER_ID = 2**31 - 1
RESOURCE_FIELDS = ("cpu", "memory", "cpu_limit", "memory_limit", "gpu")
STRATEGIES = ("RollingUpdate", "Recreate")
NODE_PORTS = range(30_000, 32_768)
HTTP_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
"""What a sample request, and a request that is tried, may be."""
SERVICE_TYPES = ("ClusterIP", "NodePort", "LoadBalancer")

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_PATH = re.compile(r"/[!-~]*")
_LEAST_MEMORY = 4 * 1024**2
_MOST_MEMORY = 64 * 1024**4
_MOST_CPU = 1_000_000


def check_name(reader: Reader, field: str, value: str, *, starts_with_letter: bool) -> None:
    """DNS-1123, at most 50 characters. Services need a letter first (DNS-1035), so deployments do too."""
    if not value:
        return
    if len(value) > MAX_NAME_LENGTH:
        reader.wrong(field, f"At most {MAX_NAME_LENGTH} characters.", "too_long")
    elif not _NAME.fullmatch(value):
        reader.wrong(
            field,
            "Use lower-case letters, digits and hyphens only; begin and end with a letter or digit.",
            "invalid_name",
        )
    elif starts_with_letter and not value[0].isalpha():
        reader.wrong(field, "Begin with a letter: the address in the cluster needs it.", "invalid_name")


def read_slug(reader: Reader, field: str, default: str = "", *, longest: int) -> str:
    """Lower-case letters, digits and inner hyphens; required unless there is a default."""
    name = reader.text(field, default, required=not default, longest=longest)
    if name and not is_slug(name):
        reader.wrong(field, "Use lower-case letters, digits and hyphens only.", "invalid_name")
    return name


def is_slug(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def check_version(reader: Reader, field: str, value: str) -> None:
    """Versions are label values too: letters, digits, dots, dashes, underscores; at most 60 characters."""
    if value and (len(value) > 60 or not _VERSION.fullmatch(value)):
        reader.wrong(
            field,
            "Use at most 60 letters, digits, dots, hyphens and underscores; no sign at either end.",
            "invalid_version",
        )


def read_port(reader: Reader, field: str, default: int) -> int:
    return reader.integer(field, default, least=1, most=65_535, what="A port")


def read_health_path(reader: Reader, default: str) -> str:
    value = reader.text("health_path", default, longest=200)
    if not _PATH.fullmatch(value):
        reader.wrong("health_path", "Begin with / and use no spaces.", "invalid_path")
        return default
    return value


def read_resources(reader: Reader, base: Resources) -> Resources:
    """`preset` names the starting point and `resources` overrides single fields of it."""
    if "preset" in reader:
        base = _size(reader, base)
    section = reader.section("resources")
    section.allow_only(RESOURCE_FIELDS)
    return read_quantities(section, base)


def read_quantities(section: Reader, base: Resources) -> Resources:
    """The fields of a size among others; limits are not below requests."""
    already = len(section.errors)
    result = Resources(
        cpu=_quantity(section, "cpu", base.cpu, _check_cpu),
        memory=_quantity(section, "memory", base.memory, _check_memory),
        cpu_limit=_quantity(section, "cpu_limit", base.cpu_limit, _check_cpu),
        memory_limit=_quantity(section, "memory_limit", base.memory_limit, _check_memory),
        gpu=section.integer("gpu", base.gpu, least=0, most=64, what="GPUs"),
    )
    if len(section.errors) == already:
        _check_limits(section, result)
    return result


def _size(reader: Reader, base: Resources) -> Resources:
    sizes = {size.name: size for size in size_presets()}
    name = reader.choice("preset", "", tuple(sizes))
    return resources_of(sizes[name]) if name else base


def _check_limits(section: Reader, resources: Resources) -> None:
    if millicores(resources.cpu_limit) < millicores(resources.cpu):
        section.wrong(
            "cpu_limit",
            f"The limit {resources.cpu_limit} is below the request {resources.cpu}.",
            "limit_below_request",
        )
    if bytes_(resources.memory_limit) < bytes_(resources.memory):
        section.wrong(
            "memory_limit",
            f"The limit {resources.memory_limit} is below the request {resources.memory}.",
            "limit_below_request",
        )


def _quantity(section: Reader, field: str, default: str, check: Callable[[str], str | None]) -> str:
    value = section.text(field, default, longest=30)
    if field not in section:
        return default
    problem = check(value)
    if problem:
        section.wrong(field, problem, "invalid_quantity")
        return default
    return value


def _check_cpu(value: str) -> str | None:
    try:
        cores = millicores(value)
        exact = amount(value) * 1000
    except ValueError:
        return 'Write CPU as "500m" or "2".'
    if exact != cores:
        # Kubernetes itself refuses these.
        return "CPU cannot be finer than 1m, a thousandth of a core."
    return None if 1 <= cores <= _MOST_CPU else "CPU must be at least 1m and at most 1000 cores."


def _check_memory(value: str) -> str | None:
    try:
        size = bytes_(value)
    except ValueError:
        return 'Write memory as "512Mi" or "2Gi".'
    if size < _LEAST_MEMORY:
        return "Memory must be at least 4Mi."
    return None if size <= _MOST_MEMORY else "Memory must be at most 64Ti."


def read_service(reader: Reader, base: Service) -> Service:
    section = reader.section("service")
    section.allow_only(("type", "port", "node_port"))
    kind = section.choice("type", base.type, SERVICE_TYPES)
    port = read_port(section, "port", base.port)
    node_port: int | None = base.node_port if kind == "NodePort" else None
    given = section.raw("node_port")
    if given is None:
        node_port = None
    elif given is not MISSING:
        node_port = section.integer(
            "node_port", 0, least=NODE_PORTS.start, most=NODE_PORTS.stop - 1, what="A node port"
        )
        if kind != "NodePort":
            section.wrong("node_port", "Only a service of type NodePort has one.", "not_applicable")
    return Service(type=kind, port=port, node_port=node_port or None)  # type: ignore[arg-type]


def read_rollout(reader: Reader, base: Rollout, *, start_seconds: int) -> Rollout:
    section = reader.section("rollout")
    section.allow_only(("strategy", "max_surge", "max_unavailable", "deadline_seconds", "auto_rollback"))
    already = len(reader.errors)
    strategy = section.choice("strategy", base.strategy, STRATEGIES)
    surge = section.integer("max_surge", base.max_surge, least=0, most=100, what="Surge")
    unavailable = section.integer(
        "max_unavailable", base.max_unavailable, least=0, most=100, what="Unavailable"
    )
    if strategy == "RollingUpdate" and surge == 0 and unavailable == 0:
        section.wrong("max_surge", "Surge and unavailable cannot both be 0: nothing could move.", "both_zero")
    deadline = section.integer(
        "deadline_seconds", base.deadline_seconds, least=10, most=MOST_SECONDS, what="The deadline in seconds"
    )
    if len(reader.errors) == already and deadline <= start_seconds:
        section.wrong(
            "deadline_seconds",
            f"A pod may take {start_seconds} s to start: give the rollout a longer deadline.",
            "shorter_than_start",
        )
    return Rollout(
        strategy=strategy,  # type: ignore[arg-type]
        max_surge=surge,
        max_unavailable=unavailable,
        deadline_seconds=deadline,
        auto_rollback=section.boolean("auto_rollback", base.auto_rollback),
    )


def read_security(reader: Reader, base: Security) -> Security:
    section = reader.section("security")
    section.allow_only(("run_as_user", "read_only_root"))
    user = section.integer("run_as_user", base.run_as_user, least=0, most=MOST_USER_ID, what="A user id")
    return Security(run_as_user=user, read_only_root=section.boolean("read_only_root", base.read_only_root))


def read_start_seconds(reader: Reader, default: int) -> int:
    return reader.integer("start_seconds", default, least=1, most=MOST_START_SECONDS, what="Seconds to start")


def read_placement(reader: Reader, cluster: Cluster | None, base: Placement | None) -> Placement | None:
    """`node_preset` names an admin's preset of the cluster, which is copied as it is now."""
    given = reader.raw("node_preset")
    if given is MISSING:
        return base
    name = reader.text("node_preset", longest=40)
    if not name or cluster is None:
        return None
    preset = NodePreset.objects.filter(cluster=cluster, name=name).first()
    if preset is None:
        text = f"Cluster {cluster.name} has no node preset {name!r}."
        reader.wrong("node_preset", text, "unknown_node_preset")
        return base
    return Placement(
        preset=preset.name,
        node_selector=preset.node_selector,
        tolerations=msgspec.convert(preset.tolerations, tuple[Toleration, ...]),
    )


def read_registry(reader: Reader, team: Team, image: str, current: Spec | None) -> str:
    """The registry whose login pulls the image: the one named, else the image's own where there is a login.

    What was chosen stays until the image changes.
    """
    given = reader.raw("registry")
    if given is MISSING:
        if current is not None and current.image == image:
            return current.registry
        return _login_for(team, image)
    name = reader.text("registry", longest=200)
    if name and not RegistryCredential.objects.filter(team=team, registry=name).exists():
        text = f"Team {team.name} has no login for {name!r}; a lead adds one on the team's page."
        reader.wrong("registry", text, "unknown_registry")
    return name


def _login_for(team: Team, image: str) -> str:
    try:
        host = parse_image(image).registry
    except ValueError:
        return ""
    return host if RegistryCredential.objects.filter(team=team, registry=host).exists() else ""
