"""The forms of the platform's page: a size, a cluster's prices, a preset of nodes."""

from django.http import QueryDict

from dashboard.forms.catalogue import as_text
from dashboard.forms.deployment import as_number
from dashboard.forms.typed import ListField, Row, TypedForm
from deployments.models import Cluster, NodePreset, SizePreset

SIZE_TEXTS = ("name", "description", "cpu", "memory", "cpu_limit", "memory_limit")
SIZE_NUMBERS = ("gpu", "position")
PRICES = ("price_cpu_hour", "price_memory_gib_hour", "price_gpu_hour")
CLUSTER_TEXTS = ("gpu_resource", "currency", "cost_basis", "node_address", "prometheus_url")
BASES = (
    ("larger", "The larger of requested and used"),
    ("requested", "What is requested"),
    ("used", "What is used"),
)
NODE_FIELDS = ("name", "description", "node_selector")
OPERATORS = ("Exists", "Equal")
EFFECTS = ("any effect", "NoSchedule", "PreferNoSchedule", "NoExecute")
TOLERATIONS = ListField("tolerations", ("key", "value"), {"operator": "Exists", "effect": EFFECTS[0]})


class SizeForm(TypedForm):
    """A size: a name and what a replica of it gets."""

    @classmethod
    def typed(cls, data: QueryDict) -> "SizeForm":
        form = cls()
        form.read(data, (*SIZE_TEXTS, *SIZE_NUMBERS))
        return form

    @classmethod
    def of(cls, size: SizePreset | None, *, position: int = 0) -> "SizeForm":
        """A size as it is; without one, a new one at the end of the list."""
        if size is None:
            return cls(values={**dict.fromkeys(SIZE_TEXTS, ""), "gpu": "0", "position": str(position)})
        return cls(values={name: as_text(getattr(size, name)) for name in (*SIZE_TEXTS, *SIZE_NUMBERS)})

    def payload(self) -> dict[str, object]:
        """What the domain reads; an empty number is 0."""
        numbers = {name: as_number(self.values[name] or "0") for name in SIZE_NUMBERS}
        return {**{name: self.values[name] for name in SIZE_TEXTS}, **numbers}


class ClusterForm(TypedForm):
    """What a cluster calls a GPU, what its resources cost, where its nodes and its Prometheus are."""

    @classmethod
    def typed(cls, data: QueryDict) -> "ClusterForm":
        form = cls()
        form.read(data, (*CLUSTER_TEXTS, *PRICES))
        return form

    @classmethod
    def of(cls, cluster: Cluster) -> "ClusterForm":
        values = {name: as_text(getattr(cluster, name)) for name in CLUSTER_TEXTS}
        return cls(values=values | {name: price_text(getattr(cluster, name)) for name in PRICES})

    def payload(self) -> dict[str, object]:
        """An empty price is not known; a decimal comma is one too."""
        prices = {name: self.values[name].replace(",", ".") or None for name in PRICES}
        return {**{name: self.values[name] for name in CLUSTER_TEXTS}, **prices}


class NodePresetForm(TypedForm):
    """Nodes by name: labels they have, taints that their pods tolerate."""

    @classmethod
    def typed(cls, data: QueryDict) -> "NodePresetForm":
        form = cls(lists=(TOLERATIONS,))
        form.read(data, NODE_FIELDS)
        return form

    @classmethod
    def of(cls, preset: NodePreset | None) -> "NodePresetForm":
        form = cls(values=dict.fromkeys(NODE_FIELDS, ""), lists=(TOLERATIONS,))
        if preset is not None:
            labels = "\n".join(f"{key}={value}" for key, value in preset.node_selector.items())
            form.values = {
                "name": preset.name,
                "description": preset.description,
                "node_selector": labels,
            }
            form.rows = {"tolerations": [toleration_row(entry) for entry in preset.tolerations]}
        return form

    def payload(self) -> dict[str, object]:
        """What the domain reads; lines that are no labels are marked as mistakes."""
        return {
            "name": self.values["name"],
            "description": self.values["description"],
            "node_selector": self.labels(),
            "tolerations": [toleration_of(row) for row in self.rows["tolerations"]],
        }

    def labels(self) -> dict[str, str]:
        """The labels, one a line as kubectl shows them: `key=value`."""
        found: dict[str, str] = {}
        for line in filter(None, map(str.strip, self.values["node_selector"].splitlines())):
            key, equals, value = (part.strip() for part in line.partition("="))
            if not equals or not key:
                self.mark("node_selector", f"Write each label as key=value: {line[:60]!r} is not one.")
            elif key in found:
                self.mark("node_selector", f"{key} is there twice: a node has one value of it.")
            else:
                found[key] = value
        return found


def toleration_row(entry: dict[str, str]) -> Row:
    cells = {name: as_text(entry.get(name)) for name in TOLERATIONS.texts}
    choices = {"operator": entry.get("operator", "Exists"), "effect": entry.get("effect") or EFFECTS[0]}
    return Row({**cells, **choices})


def toleration_of(row: Row) -> dict[str, str]:
    """A toleration as the domain has it: Exists has no value, any effect is ""."""
    effect = "" if row.cells["effect"] == EFFECTS[0] else row.cells["effect"]
    result = {"key": row.cells["key"], "operator": row.cells["operator"], "effect": effect}
    return (
        result
        if row.cells["operator"] == "Exists" and not row.cells["value"]
        else result | {"value": row.cells["value"]}
    )


def price_text(price: object) -> str:
    """A price without the zeros at its end: "0.05000" -> "0.05"."""
    text = as_text(price)
    return text.rstrip("0").rstrip(".") or "0" if "." in text else text
