"""The audit: appended to and never changed; what differs, with secrets masked; where it came from."""

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from teams import append_only, audit
from teams.models import AuditEntry, SignIn
from teams.tokens import authenticate, create_token

pytestmark = pytest.mark.django_db
CANARY = "canary-4711"


@pytest.mark.parametrize(
    "verb", ["UPDATE teams_auditentry SET actor = 'nobody'", "DELETE FROM teams_auditentry"]
)
def test_the_database_changes_and_deletes_nothing_of_it(verb: str) -> None:
    audit.record("deployer", "scale", "pricing/house")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(verb)
    assert AuditEntry.objects.get().actor == "deployer"


def test_the_protection_is_made_again_when_it_is_lost() -> None:
    with connection.cursor() as cursor:
        for statement in append_only.unprotect_statements(connection):
            cursor.execute(statement)
    append_only.protect()
    audit.record("deployer", "scale", "pricing/house")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.update(actor="nobody")


def test_only_what_differs_is_kept() -> None:
    before = {"replicas": 1, "image": "house:1", "env": [], "args": ["a"]}
    after = {"replicas": 5, "image": "house:1", "port": 80, "args": ("a",)}
    row = audit.record("deployer", "update", "pricing/house", before=before, after=after)
    row.refresh_from_db()
    assert row.before == {"replicas": 1, "env": []}
    assert row.after == {"replicas": 5, "port": 80}


@pytest.mark.parametrize(
    "value",
    [
        {"password": CANARY},
        {"registry": {"Password": CANARY}},
        {"client_secret": [CANARY]},
        {"env": [{"name": "API_KEY", "value": CANARY, "secret": True}]},
        {"env": [{"name": "AWS_ACCESS_KEY", "value": CANARY}]},
        {"env": [{"name": "DB_PASSWORD", "value": CANARY, "secret": False}]},
        {"url": f"postgres://user:{CANARY}@db.example.org/house"},
        {"headers": {"Authorization": f"Bearer {CANARY}"}},
    ],
)
def test_what_is_called_like_a_secret_is_masked(value: dict[str, object]) -> None:
    audit.record("deployer", "update", "pricing/house", detail=value, before=value, after={"other": value})
    assert CANARY not in str(AuditEntry.objects.values())
    assert audit.MASK in str(AuditEntry.objects.values())


def test_what_is_no_secret_is_readable() -> None:
    value = {
        "env": [{"name": "LOG_LEVEL", "value": "info", "secret": False}],
        "tolerations": [{"key": "nvidia.com/gpu", "value": "yes"}],
        "password": None,
        "author": "lead",
    }
    assert audit.masked(value) == value


def test_what_is_long_is_cut_and_no_secret_appears_by_it() -> None:
    long = "x" * 10_000
    env = [{"name": f"N{number}", "value": "y" * 100} for number in range(100)]
    secret = [{"name": "API_KEY", "value": CANARY, "secret": True}]
    row = audit.record(
        "deployer",
        "update",
        "pricing/house",
        detail={"why": long},
        before={"env": secret * 99},
        after={"env": env},
    )
    row.refresh_from_db()
    assert row.detail["why"] == f"{'x' * audit.MOST_CHARACTERS}... (10000 characters)"
    for value in (row.before["env"], row.after["env"]):
        assert len(value) < audit.MOST_CHARACTERS + 30
    assert CANARY not in row.before["env"]


def test_where_a_request_came_from_is_noted_until_it_is_answered() -> None:
    with audit.coming_from(audit.Origin(address="192.0.2.7", request_id="abc")):
        audit.note_token("pipeline")
        inside = audit.record("ci", "scale", "pricing/house")
    outside = audit.record("schedule", "scale", "pricing/house")
    assert (inside.address, inside.request_id, inside.token) == ("192.0.2.7", "abc", "pipeline")
    assert (outside.address, outside.request_id, outside.token) == ("", "", "")


def test_a_disabled_account_is_out_at_once_and_can_be_enabled_again() -> None:
    user = User.objects.create_user("deployer")
    text, _ = create_token(user, "n", [])
    SignIn.objects.create(session_key="k", session_data="", user=user, expire_date="2099-01-01T00:00:00Z")
    call_command("account", "disable", "deployer", verbosity=0)
    assert authenticate(text) is None
    assert not SignIn.objects.exists()
    row = AuditEntry.objects.get()
    assert (row.actor, row.action, row.after) == ("command line", "disable account", {"active": False})
    call_command("account", "enable", "deployer", verbosity=0)
    # Whoever had the token may still have it.
    assert authenticate(text) is None
    with pytest.raises(CommandError, match="no account"):
        call_command("account", "disable", "nobody")
