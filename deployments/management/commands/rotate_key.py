"""`manage.py rotate_key`: seals everything with the first of ENCRYPTION_KEY. See docs/keys.md."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deployments import rotation
from deployments.sealing import SealBroken, use_first_key
from teams import audit


class Command(BaseCommand):
    help = "Seal all that is kept encrypted with the first key of ENCRYPTION_KEY. May be repeated."

    def handle(self, *_args: Any, **_options: Any) -> None:
        rotated = rotation.Rotated()
        try:
            key = use_first_key()
            for rotated in rotation.seal_anew(key):
                self.stdout.write(f"{rotated.done} sealed with key {key.id} ...")
        except SealBroken as exc:
            raise CommandError(str(exc)) from exc
        if rotated.done:
            audit.record("command line", "rotate key", key.id, detail={"values": rotated.done})
        if rotated.lost:
            raise CommandError(words_of(rotated.lost))
        self.stdout.write(f"Everything is sealed with key {key.id}, the first of ENCRYPTION_KEY.")


def words_of(lost: dict[str, int]) -> str:
    """Which keys are missing, and what to do."""
    counts = ", ".join(f"{count} with key {key_id}" for key_id, count in sorted(lost.items()))
    return (
        f"There are values that no key of ENCRYPTION_KEY opens: {counts}. Put the key that is missing back "
        "behind the first one, with a comma between, and run rotate_key again before it is taken out."
    )
