"""A program of the test of restoring: fills a database, or prints its pages as JSON, {address: text}."""

import json
import re
import sys

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402  after the setup
from django.db import DatabaseError, transaction  # noqa: E402
from django.test import Client, override_settings  # noqa: E402

from deployments import intent  # noqa: E402
from deployments.doctor.keys import stored_secrets  # noqa: E402
from deployments.models import Cluster, Namespace  # noqa: E402
from deployments.sealing import seal, unseal  # noqa: E402
from teams.models import AuditEntry, Team  # noqa: E402

PAGES = (
    "/",
    "/deployments/",
    "/deployments/pricing/house/",
    "/deployments/pricing/house/revisions/",
    "/deployments/pricing/house/settings/",
    "/models/",
    "/models/pricing/house/",
    "/usage/",
    "/teams/pricing/",
    "/platform/audit/",
    "/clusters/",
    "/api/v1/deployments/",
)
# What differs between two looks at the same: tokens of forms, and how long ago something was.
PASSING = re.compile(r'csrfmiddlewaretoken" value="[^"]*"|"X-CSRFToken": ?"[^"]*"|<time[^>]*>[^<]*</time>')


def fill() -> None:
    team, lead = Team.objects.get(name="pricing"), User.objects.get(username="lead")
    cluster = Cluster.objects.create(name="far", credentials=seal("in-cluster"))
    Namespace.objects.create(cluster=cluster, team=team, name="pricing")
    wish = {"name": "house", "model": "house", "version": "1.0", "cluster": "far", "replicas": 2}
    secret = {"name": "KEY", "secret": True, "value": "é: kept"}
    row = intent.create_deployment(team, {**wish, "env": [secret]}, by=lead).deployment
    intent.update_deployment(row, {"version": "2.0"}, by=lead)


# Between two looks a cluster that nobody watches would be told to be out of date.
@override_settings(STALE_AFTER_SECONDS=86_400)
def pages() -> dict[str, str]:
    browser = Client()
    browser.force_login(User.objects.get(username="admin"))
    found = {}
    for address in PAGES:
        answer = browser.get(address)
        found[address] = f"{answer.status_code} {PASSING.sub('', answer.content.decode())}"
    found["secrets"] = json.dumps([unseal(sealed) for _, sealed in stored_secrets()])
    try:
        with transaction.atomic():
            AuditEntry.objects.update(actor="nobody")
    except DatabaseError as refused:
        found["audit"] = str(refused).splitlines()[0]
    return found


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        fill()
    else:
        sys.stdout.write(json.dumps(pages()))
