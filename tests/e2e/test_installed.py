"""docker-compose.yml in processes: behind its proxy, with two of each, of which one dies."""

import base64
import contextlib
import os
import re
import secrets
import shutil
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest
from django.conf import settings

from dashboard.supervisor.programs import valkey_binary
from devtools.postgres import ROLE, running_postgres
from devtools.rights import LOGS, asked_in
from k8s.permissions import NEEDS
from tests.e2e.containers import Container, Host, Image, build
from tests.e2e.stack import ROOT, free_port, until
from tests.processes import new_cluster

HOUSE = "/api/v1/teams/pricing/deployments/house/"
# Whoever asks does so from an address of their own, to be told from the proxy's.
CALLER = "127.0.0.9"
# What Debian and Python have in an image of this kind, unpacked; an estimate, as nothing is downloaded here.
BASE_BYTES = 125_000_000


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    made = build(tmp_path_factory.mktemp("image"))
    (made.folder / "data").mkdir(mode=0o700)
    return made


@dataclass
class Installed:
    """The running installation. Of each kind that may be there twice, the first is the one to die."""

    host: Host
    address: str
    webs: list[Container]
    lives: list[Container]
    workers: list[Container]
    observers: list[Container]
    audit_log: Path
    image_before: dict[str, int]

    def client(self) -> httpx.Client:
        """Somebody with a browser: trusts the proxy's authority, keeps cookies."""
        root = self.host.image.folder / "caddy" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        trust = ssl.create_default_context(cafile=str(root))
        transport = httpx.HTTPTransport(verify=trust, local_address=CALLER)
        return httpx.Client(base_url=self.address, transport=transport, timeout=60, trust_env=False)

    def leading_observer(self) -> Container | None:
        """The one that watches now."""
        alive = [one for one in self.observers if one.runs]
        return next((one for one in alive if any(line.endswith(" observing") for line in one.output)), None)


@pytest.fixture(scope="module")
def installed(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    if shutil.which("caddy") is None:
        pytest.fail("no caddy: install it (Debian: apt-get install caddy)")
    folder = tmp_path_factory.mktemp("installed")
    cluster = new_cluster(folder / "cluster")
    cluster.argv = (*cluster.argv, "--audit-log", str(audit_log_in(folder)))
    cluster.start()
    ports = {name: free_port() for name in ("redis", "proxy", "web-1", "web-2", "live-1", "live-2")}
    with running_postgres(os.environ) as database:
        socket = parse_qs(urlsplit(database).query)["host"][0]
        with psycopg.connect(host=socket, user=ROLE, dbname="postgres", autocommit=True) as made:
            made.execute("CREATE DATABASE timoneiro")
        host = Host(image, variables(), substitutes(image, ports, socket, cluster.kubeconfig))
        before = image.snapshot()
        try:
            yield start(host, ports, folder, before)
        finally:
            host.down()
            cluster.stop()


def variables() -> dict[str, str]:
    """What a person writes into .env; one process each, so that two of each fit on a small machine."""
    made = {name: secrets.token_hex(32) for name in ("SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD")}
    one_each = dict.fromkeys(
        ("WEB_PROCESSES", "WORKER_PROCESSES", "ANSWER_PROCESSES", "CHORE_PROCESSES"), "1"
    )
    return {
        **made,
        **one_each,
        "ENCRYPTION_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "SITE_HOST": "localhost",
        "PROXY_ADDRESS": "127.0.0.1",
    }


def substitutes(image: Image, ports: dict[str, int], socket: str, kubeconfig: Path) -> dict[str, str]:
    """What stands for what only containers have: names of hosts, mounts, all addresses."""
    listens = f"--bind 127.0.0.1 --port {ports['redis']} --dir {image.folder}"
    return {
        "@postgres:5432/timoneiro": f"@/timoneiro?host={socket.replace('/', '%2F')}",
        "@redis:6379": f"@127.0.0.1:{ports['redis']}",
        "valkey-server -": f"{valkey_binary()} - {listens}",
        "/run/kubeconfig": str(kubeconfig),
        "/etc/caddy/Caddyfile": str(ROOT / "Caddyfile"),
        "/tmp/beat-schedule": str(image.folder / "beat-schedule"),  # noqa: S108
        "0.0.0.0": "127.0.0.1",  # noqa: S104
    }


def start(host: Host, ports: dict[str, int], folder: Path, before: dict[str, int]) -> Installed:
    """In the order of docker-compose.yml's own `depends_on`."""
    redis, migrate = host.up("redis"), host.up("migrate")
    assert migrate.process is not None
    assert migrate.process.wait(timeout=60) == 0, migrate.output + redis.output
    both = {
        name: [host.up(name, instead={"8000": str(ports[f"{name}-{number}"])}) for number in (1, 2)]
        for name in ("web", "live")
    }
    workers = [host.up("worker") for _ in range(2)]
    observers = [host.up("observer") for _ in range(2)]
    for name in ("answers", "chores", "beat"):
        host.up(name)
    caddy = {
        "SITE_ADDRESS": f"localhost:{ports['proxy']}",
        "CADDY_OPTIONS": "auto_https disable_redirects\nskip_install_trust\ndefault_bind 127.0.0.1",
        "WEB_UPSTREAMS": f"127.0.0.1:{ports['web-1']} 127.0.0.1:{ports['web-2']}",
        "LIVE_UPSTREAMS": f"127.0.0.1:{ports['live-1']} 127.0.0.1:{ports['live-2']}",
        "XDG_DATA_HOME": str(host.image.folder / "caddy"),
        "XDG_CONFIG_HOME": str(host.image.folder / "caddy"),
    }
    proxy = host.up("proxy", environment=caddy)
    for name in both:
        for number in (1, 2):
            until(f"{name} {number} is well", partial(is_well, ports[f"{name}-{number}"]), seconds=60)
    made = Installed(
        host,
        f"https://localhost:{ports['proxy']}",
        both["web"],
        both["live"],
        workers,
        observers,
        audit_log_in(folder),
        before,
    )
    until(
        "the proxy has its certificate", lambda: any("certificate obtained" in line for line in proxy.output)
    )
    until("an observer leads", made.leading_observer, seconds=60)
    return made


def is_well(port: int) -> bool:
    """As the image's own check of health asks: by address, without TLS."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@contextlib.contextmanager
def signed_in(installed: Installed, name: str) -> Iterator[httpx.Client]:
    """Somebody who came through the proxy by the form that people see."""
    lines = (installed.host.image.folder / "data" / "passwords").read_text().splitlines()
    passwords = dict(line.split() for line in lines)
    with installed.client() as client:
        form = client.get("/sign-in/")
        assert form.status_code == 200, form.text
        client.headers["Referer"] = f"{installed.address}/"
        # What is written here must not reach anybody: the proxy says who asks.
        client.headers["X-Forwarded-For"] = "203.0.113.9"
        sent = {
            "username": name,
            "password": passwords[name],
            "csrfmiddlewaretoken": client.cookies[settings.CSRF_COOKIE_NAME],
        }
        assert client.post("/sign-in/", data=sent).status_code == 302
        client.headers["X-CSRFToken"] = client.cookies[settings.CSRF_COOKIE_NAME]
        yield client


@pytest.fixture(scope="module")
def person(installed: Installed) -> Iterator[httpx.Client]:
    """The lead of the team."""
    with signed_in(installed, "lead") as client:
        yield client


@pytest.fixture(scope="module")
def lived(installed: Installed, person: httpx.Client) -> Installed:
    """The main job done, while one of each kind was killed."""
    with person.stream("GET", "/live/") as names:
        heard = names.iter_lines()
        assert "event: hello" in (next(heard), next(heard), next(heard))
        act(person, "POST", "/api/v1/teams/pricing/deployments/", name="house", image="local/house:1.0")
        installed.workers[0].kill()
        until_ready(person, 1)
        assert "data: pricing/house" in heard
    ask_in_every_way(person)
    leading = installed.leading_observer()
    assert leading is not None
    leading.kill()
    act(person, "POST", f"{HOUSE}scale/", replicas=3)
    until("the other observer leads", installed.leading_observer)
    until_ready(person, 3)
    installed.webs[0].kill()
    answers = [person.get(path).status_code for path in ("/", "/deployments/", HOUSE, "/usage/") * 3]
    assert set(answers) == {200}
    follow_the_logs_through_a_death(installed, person)
    act(person, "PATCH", HOUSE, version="2.0")
    until_ready(person, 3, version="2.0")
    change_everything_that_can_be(person)
    with signed_in(installed, "admin") as admin:
        close_and_open_the_namespace(installed, admin)
    act(person, "DELETE", HOUSE)
    until("it is gone", lambda: person.get(HOUSE).status_code == 404)
    return installed


def act(person: httpx.Client, method: str, path: str, **body: Any) -> httpx.Response:
    """A wish, repeated with its key where the server died before it answered, as programs are told to do."""
    headers = {"Idempotency-Key": secrets.token_hex(8)} if method == "POST" else {}

    def tried() -> httpx.Response | None:
        answer = person.request(method, path, json=body or None, headers=headers)
        return None if answer.status_code in (502, 503) else answer

    answer = until(f"{method} {path}", tried)
    assert answer.status_code < 300, answer.text
    return answer


def until_ready(person: httpx.Client, count: int, *, version: str = "1.0") -> None:
    def ready() -> bool:
        shown = person.get(HOUSE).json()
        status = shown["status"]
        seen = (status["state"], status["ready_replicas"], shown["version"])
        return seen == ("running", count, version)

    until(f"{count} of version {version} run", ready, seconds=60)


def ask_in_every_way(person: httpx.Client) -> None:
    """A prediction, and each other method that a model may want to be asked by."""
    answer = act(person, "POST", f"{HOUSE}predict/").json()
    assert answer["status"] == 200, answer
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answered = person.post(f"{HOUSE}predict/", json={"path": "/healthz", "method": method})
        assert answered.status_code == 200, answered.text


def follow_the_logs_through_a_death(installed: Installed, person: httpx.Client) -> None:
    """Whoever follows is cut off with the server, comes back as browsers do, and reads on."""
    for _ in range(2):
        with person.stream("GET", f"{HOUSE}logs/?follow=true&tail=5", timeout=20) as answer:
            assert answer.status_code == 200
            assert any(line.startswith("event: line") for line in answer.iter_lines())
        installed.lives[0].kill()
    with person.stream("GET", "/deployments/pricing/house/logs/follow", timeout=20) as answer:
        assert any(line.startswith("event: lines") for line in answer.iter_lines())
    assert "serving" in person.get(f"{HOUSE}logs/").text


def change_everything_that_can_be(person: httpx.Client) -> None:
    """Every kind of object that a deployment and a team may have is made, changed and taken away."""
    secret = [{"name": "KEY", "secret": True, "value": "one"}]
    scaling = {"min_replicas": 2, "max_replicas": 4, "target_cpu_percent": 70}
    act(person, "PUT", "/api/v1/teams/pricing/quota/", replicas={"limit": 9}, cpu={"limit": "9"})
    wishes: tuple[dict[str, Any], ...] = (
        {"env": secret},
        {"autoscaling": scaling},
        {"env": [], "autoscaling": None},
    )
    for changes in wishes:
        act(person, "PATCH", f"{HOUSE}?wait=30", **changes)
    typed = {"image": "local/house:1.0"}
    until("a preflight", lambda: person.post("/deployments/new/preflight", data=typed).status_code == 200)
    until("one of the pods is deleted", partial(deletes_a_pod, person))
    act(person, "POST", f"{HOUSE}scale/?wait=30", replicas=1)
    act(person, "PUT", "/api/v1/teams/pricing/quota/", replicas={"limit": None}, cpu={"limit": None})


def deletes_a_pod(person: httpx.Client) -> bool:
    """A ready one: those of the revision before may be gone by the time that they are named."""
    pods = [pod for pod in person.get(f"{HOUSE}pods/").json()["results"] if pod["ready"]]
    return any(person.delete(f"{HOUSE}pods/{pod['name']}/").is_success for pod in pods[:1])


def close_and_open_the_namespace(installed: Installed, admin: httpx.Client) -> None:
    (cluster,) = admin.get("/api/v1/clusters/").json()["results"]
    space = f"/api/v1/clusters/{cluster['name']}/namespaces/pricing/"
    for isolated, verb in ((True, "create"), (False, "delete")):
        act(admin, "PATCH", space, isolated=isolated)
        right = ("networking.k8s.io", "networkpolicies", verb)
        until(f"a worker asks to {verb} it", partial(asks, installed, right), seconds=60)


def audit_log_in(folder: Path) -> Path:
    """Where what every cluster of the run was asked is gathered, if somebody does."""
    return Path(os.environ.get(LOGS) or folder) / "installed.jsonl"


def asks(installed: Installed, right: tuple[str, str, str]) -> bool:
    return right in asked(installed, "worker")


def asked(lived: Installed, agent: str) -> set[tuple[str, str, str]]:
    """(group, resource, verb) of all that one kind of process asked the cluster for."""
    rights = asked_in(lived.audit_log)
    return {(group, resource, verb) for who, group, resource, verb in rights if who == agent}


def test_the_main_job_passes_while_one_of_each_is_killed(lived: Installed) -> None:
    dead = [one.name for one in lived.host.running if not one.runs]
    assert sorted(dead) == ["live", "migrate", "observer", "web", "worker"]


def test_each_that_nobody_can_ask_says_that_it_lives(lived: Installed) -> None:
    silent = [one for one in lived.host.running if "deployments.alive" in one.check]
    assert {one.name for one in silent} == {"worker", "answers", "chores", "beat", "observer"}
    for one in silent:
        if one.runs:
            until(f"{one.name} says that it lives", one.is_well)


@pytest.mark.parametrize("who", ["worker", "observer"])
def test_each_right_is_used_and_none_is_missing(lived: Installed, who: str) -> None:
    needed = {(need.group, need.resource, verb) for need in NEEDS if need.who == who for verb in need.verbs}
    used = asked(lived, who)
    assert used - needed == set(), "asked for without saying so"
    assert needed - used == set(), "said to be needed, and never asked for"


def test_the_proxy_alone_says_who_asks(lived: Installed, person: httpx.Client) -> None:
    written = person.get("/api/v1/teams/pricing/audit/").json()["results"]
    by_lead = {entry["address"] for entry in written if entry["actor"] == "lead"}
    assert by_lead == {CALLER}


def test_what_is_read_only_in_the_image_was_only_read(lived: Installed) -> None:
    assert lived.host.image.snapshot() == lived.image_before


def test_static_files_come_compressed_and_to_be_kept_for_ever(installed: Installed) -> None:
    with installed.client() as client:
        page = client.get("/sign-in/")
        styles = re.findall(r'href="(/static/[^"]+\.css)"', page.text)
        assert styles
        for address in styles:
            answer = client.get(address, headers={"Accept-Encoding": "br"})
            assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "br"), address
            assert "immutable" in answer.headers["Cache-Control"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_image_stays_below_300_mb(image: Image) -> None:
    """Of what is copied into it, with everything compiled: bytecode is about as large as its source."""
    kept = [Path(name) for name in image.snapshot() if not name.endswith(".pyc")]
    sources = sum(path.stat().st_size for path in kept if path.suffix == ".py")
    assert BASE_BYTES + sum(path.stat().st_size for path in kept) + sources < 300_000_000
