"""Rules of what people may ask for: written once, used by forms and API alike."""

from deployments.spec.fields import HTTP_METHODS
from deployments.spec.images import ImageReference, parse_image
from deployments.spec.reader import Reader
from deployments.spec.requests import (
    READ_ONLY,
    WRITABLE,
    ChangeRequest,
    Choice,
    CreateRequest,
    parse_changes,
    parse_create,
    parse_replicas,
    spec_of,
)

__all__ = [
    "HTTP_METHODS",
    "READ_ONLY",
    "WRITABLE",
    "ChangeRequest",
    "Choice",
    "CreateRequest",
    "ImageReference",
    "Reader",
    "parse_changes",
    "parse_create",
    "parse_image",
    "parse_replicas",
    "spec_of",
]
