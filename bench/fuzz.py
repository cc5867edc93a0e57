"""`./dev bench fuzz`: Schemathesis over the whole API of a running web process, 10,000 cases and more.

The cases follow the OpenAPI description, break it, and walk from what one answer made to what
can be done with it. No answer may be a 500, have a status or a body that is not described, or take
10 s. Nobody works off the wishes here: thousands of random deployments are no thing to start pods for.
"""

import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import httpx

from tests.e2e.stack import ROOT, free_port, until

LEAST_CASES = 10_000
EXAMPLES_PER_OPERATION = 120
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
PHASES = "examples,coverage,fuzzing,stateful"
MANIFESTS = "/api/v1/teams/{team}/deployments/{name}/manifests/"
NAMES = [f"house-{number}" for number in range(60)]
# Half of the addresses are of things that are there. Waiting is tested elsewhere and costs time only.
CONFIG = f"""
[dictionaries]
names = {{ values = {NAMES} }}
teams = {{ values = ["pricing"] }}
models = {{ values = ["house"] }}
versions = {{ values = ["1.0", "2.0"] }}
clusters = {{ values = ["local"] }}
numbers = {{ values = ["1", "2"] }}

[parameters]
"path.team" = {{ dictionary = "teams", probability = 0.9 }}
"path.name" = {{ dictionary = "names", probability = 0.7 }}
"path.model" = {{ dictionary = "models", probability = 0.7 }}
"path.version" = {{ dictionary = "versions", probability = 0.7 }}
"path.cluster" = {{ dictionary = "clusters", probability = 0.7 }}
"path.number" = {{ dictionary = "numbers", probability = 0.7 }}
"query.wait" = 0
"query.follow" = false

[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "501", "502", "503", "504"]
"""


def main() -> None:
    """Print what was found; ends with an error when anything was, or when there were too few cases.

    Raises:
        SystemExit.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "DATA_DIR": folder,
            "DATABASE_URL": "",
            "REDIS_URL": "",
            "DJANGO_SETTINGS_MODULE": "dashboard.settings.test",
        }
        seed = "from bench.fuzzed import main; main()"
        command = [sys.executable, "-m", "django", "shell", "--no-imports", "-c", seed]
        token = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
        said: list[str] = []
        port = free_port()
        web = serve(environment, port, said)
        try:
            until("the web process listens", lambda: any("running on" in line for line in said))
            # Made with the first request, which may take longer than Schemathesis waits for it.
            httpx.get(
                f"http://127.0.0.1:{port}/api/v1/schema/", timeout=120, trust_env=False
            ).raise_for_status()
            code, printed = fuzz(Path(folder), f"http://127.0.0.1:{port}", token.strip())
        finally:
            web.terminate()
            web.wait()
    judge(code, printed, said)


def serve(environment: dict[str, str], port: int, said: list[str]) -> "subprocess.Popen[str]":
    """The web process; what it logs is collected in `said`."""
    command = [sys.executable, "-m", "uvicorn", "dashboard.asgi:application", "--port", str(port)]
    web = subprocess.Popen(
        [*command, "--no-access-log"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = web.stdout
    assert output is not None  # noqa: S101
    threading.Thread(target=lambda: said.extend(output), daemon=True).start()
    return web


def fuzz(folder: Path, url: str, token: str) -> tuple[int, str]:
    """Exit code and output of Schemathesis, which is shown, too."""
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG)
    command = [str(Path(sys.executable).with_name("st")), "--config-file", str(config), "run"]
    options = [
        *("--phases", PHASES, "--checks", CHECKS, "--max-examples", str(EXAMPLES_PER_OPERATION)),
        *("--header", f"Authorization: Bearer {token}", "--request-timeout", "10", "--continue-on-failure"),
        # An endless stream, and several YAML documents, which end Schemathesis: the tests read both.
        *("--exclude-path", "/api/v1/watch/", "--exclude-path", MANIFESTS),
        *("--generation-database", "none", "--no-shrink", "--no-color", "--warnings", "off"),
    ]
    running = subprocess.Popen(
        [*command, f"{url}/api/v1/schema/", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    printed = []
    # Shown as it comes: this takes minutes.
    for line in running.stdout or ():
        print(line, end="", flush=True)
        printed.append(line)
    return running.wait(), "".join(printed)


def judge(code: int, printed: str, said: list[str]) -> None:
    cases = max((int(found) for found in re.findall(r"(\d+) generated", printed.replace(",", ""))), default=0)
    broken = [line for line in said if "failed unexpectedly" in line or "Traceback" in line]
    print(f"{cases} cases, {len(broken)} unhandled errors")
    if broken:
        print("".join(said[-200:]))
    if code or broken or cases < LEAST_CASES:
        raise SystemExit(1)
