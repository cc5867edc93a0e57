"""Rules of what people may ask for: written once, used by forms and API alike."""

from deployments.counts import autoscaling_of
from deployments.spec.choice import Choice, is_archived
from deployments.spec.fields import HTTP_METHODS
from deployments.spec.images import ImageReference, parse_image
from deployments.spec.reader import Reader
from deployments.spec.requests import (
    READ_ONLY,
    WRITABLE,
    ChangeRequest,
    CreateRequest,
    parse_changes,
    parse_create,
    spec_of,
)
from deployments.spec.scaling import parse_autoscaling, parse_replicas
from deployments.spec.sizes import default_size, resources_of, size_presets

__all__ = [
    "HTTP_METHODS",
    "READ_ONLY",
    "WRITABLE",
    "ChangeRequest",
    "Choice",
    "CreateRequest",
    "ImageReference",
    "Reader",
    "autoscaling_of",
    "default_size",
    "is_archived",
    "parse_autoscaling",
    "parse_changes",
    "parse_create",
    "parse_image",
    "parse_replicas",
    "resources_of",
    "size_presets",
    "spec_of",
]
