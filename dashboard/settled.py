"""What a process that answers requests does once, when it has loaded what it needs."""

import gc

from django.urls import get_resolver

YOUNG_OBJECTS = 10_000
"""As many more than were let go are made before garbage is looked for among them; 700 by default."""


def settle() -> None:
    """Load all pages, and keep garbage collection from what is loaded.

    It holds 180,000 objects, and to look through them for garbage, which none of them will be, held up one
    page in sixty for a tenth of a second.
    """
    _ = get_resolver().url_patterns
    gc.collect()
    gc.freeze()
    # Of thousands of objects that a page is made with, nearly all go with it without being looked for.
    gc.set_threshold(YOUNG_OBJECTS)
