"""The rule of each field, once for forms and API."""

import re
from collections.abc import Callable

from deployments.errors import FieldError
from deployments.spec.reader import MISSING, Reader
from k8s.quantities import amount, bytes_, millicores
from k8s.spec import PRESETS, EnvVar, Resources, Rollout, Service

MAX_NAME_LENGTH = 50
MAX_ENV_VALUE = 32_768
MAX_ENV_ENTRIES = 200
NODE_PORTS = range(30_000, 32_768)
HTTP_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
"""What a sample request, and a request that is tried, may be."""
SERVICE_TYPES = ("ClusterIP", "NodePort", "LoadBalancer")

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
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
        base = PRESETS[reader.choice("preset", "small", tuple(PRESETS))]
    section = reader.section("resources")
    section.allow_only(("cpu", "memory", "cpu_limit", "memory_limit", "gpu"))
    already = len(reader.errors)
    result = Resources(
        cpu=_quantity(section, "cpu", base.cpu, _check_cpu),
        memory=_quantity(section, "memory", base.memory, _check_memory),
        cpu_limit=_quantity(section, "cpu_limit", base.cpu_limit, _check_cpu),
        memory_limit=_quantity(section, "memory_limit", base.memory_limit, _check_memory),
        gpu=section.integer("gpu", base.gpu, least=0, most=64, what="GPUs"),
    )
    if len(reader.errors) == already:
        _check_limits(section, result)
    return result


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


def read_rollout(reader: Reader, base: Rollout) -> Rollout:
    section = reader.section("rollout")
    section.allow_only(("max_surge", "max_unavailable"))
    surge = section.integer("max_surge", base.max_surge, least=0, most=100, what="Surge")
    unavailable = section.integer(
        "max_unavailable", base.max_unavailable, least=0, most=100, what="Unavailable"
    )
    if surge == 0 and unavailable == 0:
        section.wrong("max_surge", "Surge and unavailable cannot both be 0: nothing could move.", "both_zero")
    return Rollout(max_surge=surge, max_unavailable=unavailable)


def read_env(reader: Reader, base: tuple[EnvVar, ...]) -> tuple[EnvVar, ...]:
    """The whole list: what is given replaces what was."""
    given = reader.raw("env")
    if given is MISSING:
        return base
    if not isinstance(given, list) or len(given) > MAX_ENV_ENTRIES:
        reader.wrong("env", f"This must be a list of at most {MAX_ENV_ENTRIES} variables.", "not_a_list")
        return base
    variables = [_read_variable(reader.errors, f"env[{index}]", item) for index, item in enumerate(given)]
    seen: set[str] = set()
    for index, variable in enumerate(variables):
        if variable.name and variable.name in seen:
            reader.errors.append(
                FieldError(f"env[{index}].name", f"{variable.name} is there already.", "doubled")
            )
        seen.add(variable.name)
    return tuple(variables)


def _read_variable(errors: list[FieldError], path: str, item: object) -> EnvVar:
    section = Reader(item, path=path, errors=errors)
    if not isinstance(item, dict):
        return EnvVar(name="")
    section.allow_only(("name", "value"))
    name = section.text("name", required=True, longest=200)
    if name and not _ENV_NAME.fullmatch(name):
        section.wrong(
            "name",
            "Use letters, digits, dots, hyphens and underscores; begin with no digit.",
            "invalid_env_name",
        )
    return EnvVar(name=name, value=section.text("value", longest=MAX_ENV_VALUE))
