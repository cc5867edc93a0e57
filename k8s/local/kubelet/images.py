"""Which images the local cluster has: folders with a manifest and a program."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SHIPPED: Final = Path(__file__).resolve().parent.parent / "images"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9-]+)*(?::[0-9]+)?"
_REFERENCE: Final = re.compile(
    rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


class ImageError(Exception):
    """An image cannot be had; the text is meant for people."""


class InvalidImageName(ImageError):
    """The text is not an image reference at all."""


class ImageNotFound(ImageError):
    """There is no such image here."""


@dataclass(frozen=True)
class Image:
    """One shipped image. ``user`` is the user id it is built to run as; 0 is root."""

    reference: str
    digest: str
    command: Sequence[str]
    environment: Mapping[str, str]
    user: int
    layers: Sequence[Path]
    size_bytes: int

    @property
    def image_id(self) -> str:
        """As in a container's status."""
        return f"{self.reference.rpartition(':')[0]}@{self.digest}"

    def unpack(self, folder: Path) -> None:
        """Copy the image's files so that any user can read, and none but us can change them."""
        if folder.exists():
            return
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for layer, file in _files(self.layers):
            copy = partial / (Path(layer.name) / file if layer.name == "model_server" else file)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(layer / file, copy)
            copy.chmod(0o644)
        for directory in [partial, *(path for path in partial.rglob("*") if path.is_dir())]:
            directory.chmod(0o755)
        partial.rename(folder)


class ImageStore:
    """The images under one folder, read once."""

    def __init__(self, folder: Path = SHIPPED) -> None:
        manifests = sorted(folder.glob("*/*/image.json"))
        self.images = {image.reference: image for image in (_image(folder, path) for path in manifests)}

    def pull(self, reference: str) -> Image:
        """The image of that name.

        Raises:
            InvalidImageName: not a name an image can have.
            ImageNotFound: this cluster does not ship it.
        """
        normal = check_reference(reference)
        image = self.images.get(normal)
        if image is None:
            shipped = ", ".join(sorted(self.images))
            raise ImageNotFound(
                f'failed to pull and unpack image "{reference}": failed to resolve reference "{reference}": '
                f"{reference}: not found (the local cluster runs only the images it ships: {shipped})"
            )
        return image


def check_reference(reference: str) -> str:
    """The reference with its tag written out ("latest" when there is none), without a digest.

    Raises:
        InvalidImageName: it breaks the grammar of image references.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        name = re.sub(r":[\w.-]*$", "", reference)
        upper = next((part for part in name.split("/")[1:] or [name] if part != part.lower()), "")
        why = f"repository name ({upper}) must be lowercase" if upper else ""
        raise InvalidImageName(
            f'Failed to apply default image tag "{reference}": couldn\'t parse image name "{reference}": '
            f"invalid reference format{': ' + why if why else ''}"
        )
    domain = f"{match['domain']}/" if match["domain"] else ""
    return f"{domain}{match['path']}:{match['tag'] or 'latest'}"


def _image(folder: Path, manifest: Path) -> Image:
    stored = json.loads(manifest.read_text(encoding="utf-8"))
    layers = [*(folder / layer for layer in stored["layers"]), manifest.parent]
    digest, size = hashlib.sha256(), 0
    for layer, file in _files(layers):
        content = (layer / file).read_bytes()
        digest.update(f"{file}\0{len(content)}\0".encode() + content)
        size += len(content)
    return Image(
        reference=f"{stored['name']}:{stored['tag']}",
        digest=f"sha256:{digest.hexdigest()}",
        command=tuple(stored["command"]),
        environment={name: entry["default"] for name, entry in stored["env"].items() if "default" in entry},
        user=int(stored["user"]),
        layers=tuple(layers),
        size_bytes=size,
    )


def _files(layers: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """(layer, path inside it) of every file; a later layer may hide an earlier one's file."""
    for layer in layers:
        for path in sorted(layer.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield layer, path.relative_to(layer)
