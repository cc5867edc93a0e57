"""Pages of usage with 5,000 deployments, 10,000 pods and 30 days of samples, asked for by 4 clients at once.

Each client is a process that serves itself, through the whole middleware, on SQLite in a temporary folder:
what is measured is our work on the cores there are, without a network. Filling takes a few minutes and 3 GB.
"""

import os
import subprocess
import sys
import tempfile


def main() -> None:
    """Print how long each page takes, and what samples take to store."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "DATA_DIR": folder,
            "DATABASE_URL": "",
            "DJANGO_SETTINGS_MODULE": "dashboard.settings.test",
        }
        measure = "from bench.usage_clients import main; main()"
        command = [sys.executable, "-m", "django", "shell", "--no-imports", "-c", measure]
        subprocess.run(command, env=environment, check=True)
