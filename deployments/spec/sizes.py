"""Sizes offered by name: what admins keep, or the ones an installation starts with while there are none."""

import msgspec

from deployments.models import SizePreset
from k8s.spec import PRESETS, Resources

FIRST_SIZE = "small"
DESCRIPTIONS = {
    "small": "Linear models, small trees",
    "medium": "Gradient boosting, small networks",
    "large": "Large embeddings, transformers on CPU",
    "gpu": "Neural networks",
}
"""What the first sizes are good for."""


def first_sizes() -> list[SizePreset]:
    """The sizes of a new installation, not stored."""
    return [
        SizePreset(
            name=name,
            description=DESCRIPTIONS[name],
            position=position,
            **msgspec.to_builtins(resources),
        )
        for position, (name, resources) in enumerate(PRESETS.items())
    ]


def size_presets() -> list[SizePreset]:
    """Every size, in the order to offer them; never empty. One query."""
    return list(SizePreset.objects.all()) or first_sizes()


def resources_of(preset: SizePreset) -> Resources:
    return Resources(
        cpu=preset.cpu,
        memory=preset.memory,
        cpu_limit=preset.cpu_limit,
        memory_limit=preset.memory_limit,
        gpu=preset.gpu,
    )


def default_size() -> Resources:
    """What a deployment gets for which nobody chose: "small", or the first one offered."""
    sizes = size_presets()
    return resources_of(next((size for size in sizes if size.name == FIRST_SIZE), sizes[0]))
