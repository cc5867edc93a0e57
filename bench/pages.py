"""The list page and the list of the API, 50 rows of 200 and of 5,000 deployments with two pods each.

In process, through the whole middleware, on SQLite in a temporary folder:
what is measured is our work, without a network.
"""

import os
import subprocess
import sys
import tempfile


def main() -> None:
    """Print how long each takes."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "DATA_DIR": folder,
            "DATABASE_URL": "",
            "DJANGO_SETTINGS_MODULE": "dashboard.settings.test",
        }
        measure = "from bench.rows import main; main()"
        command = [sys.executable, "-m", "django", "shell", "--no-imports", "-c", measure]
        subprocess.run(command, env=environment, check=True)
