"""Processes that answer requests have all pages loaded, and do not look through them for garbage."""

import gc

from dashboard.settled import settle


def test_what_is_loaded_is_no_garbage_to_look_for() -> None:
    thresholds = gc.get_threshold()
    settle()
    try:
        assert gc.get_freeze_count() > 50_000
        assert len(gc.get_objects()) < gc.get_freeze_count() / 10
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
