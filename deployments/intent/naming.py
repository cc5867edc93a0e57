"""Names we suggest."""

import re

from deployments.models import Deployment
from deployments.spec import parse_image
from deployments.spec.fields import MAX_NAME_LENGTH
from teams.models import Team


def suggest_name(image_or_model: str, team: Team) -> str:
    """A free, valid deployment name for an image or a model: "local/house:1.0" -> "house", "house-2", ..."""
    text = image_or_model.strip()
    try:
        base = parse_image(text).model_name
    except ValueError:
        base = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    base = base.lstrip("-0123456789")[: MAX_NAME_LENGTH - 4].strip("-") or "model"
    taken = set(
        Deployment.objects.filter(team=team, deleted_at=None, name__startswith=base).values_list(
            "name", flat=True
        )
    )
    numbered = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in numbered if name not in taken)
