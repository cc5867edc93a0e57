"""A catalogue of a test's own, so that it says what the translations it looks at are."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from django.utils import translation

Messages = Mapping[str | tuple[str, str], str]


@contextmanager
def reading(folder: Path, settings: Any, messages: Messages) -> Iterator[None]:
    """A reader of Portuguese, of which there are these messages alone; `settings` is the fixture."""
    write_catalogue(folder, messages)
    settings.LOCALE_PATHS = [folder]
    with translation.override("pt-br"):
        yield


def write_catalogue(folder: Path, messages: Messages) -> None:
    """Brazilian Portuguese below `folder`, to be one of LOCALE_PATHS; a key with two parts has a context."""
    catalogue = Catalog(locale="pt_BR")
    for key, meaning in messages.items():
        context, message = key if isinstance(key, tuple) else (None, key)
        catalogue.add(message, meaning, context=context)
    place = folder / "pt_BR" / "LC_MESSAGES"
    place.mkdir(parents=True)
    with (place / "django.mo").open("wb") as file:
        write_mo(file, catalogue)
