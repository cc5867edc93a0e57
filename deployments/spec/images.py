"""References of container images."""

import re
from dataclasses import dataclass

MAX_IMAGE_LENGTH = 400
DOCKER_HUB = "docker.io"

_ALNUM = r"[a-z0-9]+"
_COMPONENT = rf"{_ALNUM}(?:(?:\.|_|__|-+){_ALNUM})*"
_HOST_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_HOST_PART}(?:\.{_HOST_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?"
)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A parsed reference. `name` has the registry in it; `tag` and `digest` are "" when absent."""

    name: str
    tag: str
    digest: str

    @property
    def model_name(self) -> str:
        """A name for the model: the last part of the image's name, made DNS-1123."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.rsplit("/", 1)[-1]).strip("-")[:50].strip("-")

    @property
    def registry(self) -> str:
        """The host that has the image, with its port; "docker.io" where none is named."""
        first, slash, _ = self.name.partition("/")
        is_host = slash and ("." in first or ":" in first or first == "localhost")
        return first if is_host else DOCKER_HUB

    @property
    def version(self) -> str:
        """The tag; without one, the digest's beginning; without both, "latest"."""
        return self.tag or self.digest.partition(":")[2][:12] or "latest"


def parse_image(text: str) -> ImageReference:
    """The parts of an image reference such as "registry:5000/team/house:1.0@sha256:...".

    Raises:
        ValueError: not a reference.
    Source: the Distribution project's reference grammar.
    """
    match = _REFERENCE.fullmatch(text) if len(text) <= MAX_IMAGE_LENGTH else None
    if match is None or len(match["name"]) > 255:
        raise ValueError("not a valid image reference")
    return ImageReference(match["name"], match["tag"] or "", match["digest"] or "")
