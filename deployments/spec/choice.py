"""What to serve: an image, or a model and its version."""

from dataclasses import dataclass

from deployments.errors import VersionHasAnotherImage
from deployments.models import Deployment, Model, ModelVersion
from deployments.spec import fields
from deployments.spec.images import MAX_IMAGE_LENGTH, parse_image
from deployments.spec.reader import MISSING, Reader
from teams.models import Team


@dataclass(frozen=True, slots=True)
class Choice:
    """What to serve. `known` is None when model and version must be registered first."""

    model: str
    version: str
    image: str
    known: ModelVersion | None = None


def is_archived(version: ModelVersion) -> bool:
    """Whether it is not offered any more, by itself or with its whole model."""
    return version.archived_at is not None or version.model.archived_at is not None


def read_choice(reader: Reader, team: Team, *, current: Deployment | None = None) -> Choice | None:
    """From `image`, or from `model` and `version`; None when wrong, or (on a change) not named.

    An archived version is refused, unless it is the one that `current` serves.

    Raises:
        VersionHasAnotherImage: the image's tag is registered with another image.
    """
    choice = _read(reader, team, current)
    known = choice.known if choice else None
    if known is not None and is_archived(known) and not (current and current.version_id == known.pk):
        text = f"Version {known.version} of model {known.model.name} is archived; choose another."
        reader.wrong("version", text, "version_archived")
    return choice


def _read(reader: Reader, team: Team, current: Deployment | None) -> Choice | None:
    if reader.raw("image") not in (MISSING, None, ""):
        return _choice_from_image(reader, team)
    named = [field for field in ("model", "version") if reader.raw(field) not in (MISSING, None, "")]
    if not named:
        if current is None:
            reader.wrong("image", "Give an image, or a model and its version.", "required")
        return None
    if current is None and len(named) == 1:
        missing = "version" if named == ["model"] else "model"
        reader.wrong(missing, "Model and version belong together.", "required")
        return None
    old_model = current.version.model.name if current else ""
    model = reader.text("model", old_model, longest=50)
    if current and model != old_model and "version" not in named:
        reader.wrong("version", "Model and version belong together.", "required")
        return None
    version = reader.text("version", current.version.version if current else "", longest=60)
    return _known_choice(reader, team, model, version)


def _known_choice(reader: Reader, team: Team, model: str, version: str) -> Choice | None:
    if not model or not version:
        return None
    row = _find_version(team, model, version)
    if row is not None:
        return Choice(row.model.name, row.version, row.image, row)
    if not Model.objects.filter(team=team, name=model, deleted_at=None).exists():
        reader.wrong("model", f"Team {team.name} has no model called {model!r}.", "unknown_model")
    else:
        reader.wrong("version", f"Model {model} has no version {version!r}.", "unknown_version")
    return None


def _find_version(team: Team, model: str, version: str) -> ModelVersion | None:
    rows = ModelVersion.objects.filter(model__team=team, model__deleted_at=None, deleted_at=None)
    return rows.select_related("model").filter(model__name=model, version=version).first()


def _choice_from_image(reader: Reader, team: Team) -> Choice | None:
    image = reader.text("image", longest=MAX_IMAGE_LENGTH).strip()
    if not image:
        return None
    try:
        reference = parse_image(image)
    except ValueError:
        reader.wrong(
            "image",
            "This is not an image reference; they look like registry/team/model:1.0.",
            "invalid_image",
        )
        return None
    model = reader.text("model", longest=50) or reference.model_name
    version = reader.text("version", longest=60) or reference.version
    fields.check_name(reader, "model", model, starts_with_letter=False)
    fields.check_version(reader, "version" if "version" in reader else "image", version)
    known = _find_version(team, model, version)
    if known is not None and known.image != image:
        raise VersionHasAnotherImage(
            f"Version {version} of model {model} is registered with image {known.image}. "
            "Give another tag, or name model and version yourself.",
        )
    return Choice(model, version, image, known)
