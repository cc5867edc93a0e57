"""A worker's program with a task that takes as long as a test likes: started by test_worker_survives.py."""

import threading
from pathlib import Path

from dashboard.celery import app

LONGEST_SECONDS = 60


@app.task(name="tests.wait_for")
def wait_for(folder: str, name: str) -> None:
    """Writes "NAME began", waits for a file "NAME go on", then writes "NAME ended"."""
    place = Path(folder)
    (place / f"{name} began").touch()
    for _ in range(LONGEST_SECONDS * 50):
        if (place / f"{name} go on").exists():
            break
        threading.Event().wait(0.02)
    (place / f"{name} ended").touch()
