"""Pages load fast on a slow line and a slow laptop, and ask nobody but the product itself for anything."""

import gzip
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from posixpath import normpath

import brotli
import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from dashboard.static_files import BROTLI_QUALITY, BROTLI_QUALITY_OF_VENDORED, TEXTS
from deployments.models import Deployment
from tests.dashboard import test_permissions
from tests.dashboard.test_permissions import GET_RULES, PEOPLE

pytestmark = pytest.mark.django_db
kept = test_permissions.kept

KB = 1024
FIRST_VIEW = 150 * KB
LATER_VIEW = 30 * KB
STATIC = "/static/"
ADMIN = PEOPLE.index("admin")
OPENED = sorted(name for name, (_, answers) in GET_RULES.items() if answers[ADMIN] == 200)
# What a browser fetches by itself; links that people follow may lead anywhere.
FETCHED = re.compile(r"<(?:link|script|img|use|source|iframe|image|video|audio|object|embed)\b[^>]*>")
ADDRESS = re.compile(r"""\b(?:href|src|srcset|data|poster)=["']([^"']*)["']""")
IN_STYLES = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")


@pytest.fixture
def client_of_admin(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@cache
def content(name: str) -> bytes:
    found = finders.find(name)
    assert isinstance(found, str), f"{name} is not there"
    return Path(found).read_bytes()


@cache
def bytes_on_the_way(name: str) -> int:
    """Of a static file as `./dev up` serves it; production compresses harder."""
    if not name.endswith(TEXTS):
        return len(content(name))
    quality = BROTLI_QUALITY_OF_VENDORED if name.startswith("vendor/") else BROTLI_QUALITY
    return len(brotli.compress(content(name), quality=quality))


@cache
def named_by_styles(name: str) -> frozenset[str]:
    """Whatever a stylesheet fetches, as it names it."""
    return frozenset(one or two for one, two in IN_STYLES.findall(content(name).decode()))


def loads(page: str) -> set[str]:
    """Names of all static files that a page may fetch; fonts as well, and what scripts are told of."""
    found = {
        address.partition("?")[0].partition("#")[0] for address in re.findall(rf"{STATIC}([^\"'\s)]+)", page)
    }
    for style in [name for name in found if name.endswith(".css")]:
        for address in named_by_styles(style):
            if not address.startswith(("data:", "#")):
                found.add(normpath(f"{style}/../{address.partition('?')[0].partition('#')[0]}"))
    return found


def elsewhere(page: str) -> Iterator[str]:
    """What a browser would fetch from another origin."""
    for element in FETCHED.findall(page):
        for address in ADDRESS.findall(element):
            if re.match(r"(?:[a-z]+:)?//", address):
                yield element
    for style in [name for name in loads(page) if name.endswith(".css")]:
        for address in named_by_styles(style):
            if re.match(r"(?:[a-z]+:)?//", address):
                yield f"{style}: {address}"


@pytest.mark.parametrize("name", OPENED)
def test_a_page_is_small_and_whole_without_a_network(
    name: str, deployment: Deployment, client_of_admin: Client
) -> None:
    answer = client_of_admin.get(reverse(name, kwargs=GET_RULES[name][0]))
    if not answer["Content-Type"].startswith("text/html"):
        return
    page = answer.content.decode()
    # As a proxy compresses it.
    html = len(gzip.compress(answer.content, 6))
    files = {file: bytes_on_the_way(file) for file in loads(page)}
    assert html < LATER_VIEW
    assert html + sum(files.values()) < FIRST_VIEW, sorted(files.items(), key=lambda pair: -pair[1])
    assert list(elsewhere(page)) == []
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "//" not in policy


def test_who_wants_less_motion_gets_none() -> None:
    """One rule for whatever moves, whichever stylesheet has it move."""
    rule = re.search(
        r"@media \(prefers-reduced-motion: reduce\) \{(.*?)\}\s*\}", content("css/app.css").decode()
    )
    assert rule
    assert rule[1].split("{")[0].strip() == "*, ::before, ::after"
    assert {"animation: none !important", "transition: none !important"} <= {
        part.strip() for part in rule[1].split("{")[1].split(";")
    }
