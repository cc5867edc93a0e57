"""The first admin of an installation, made on its command line."""

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from teams.models import AuditEntry

pytestmark = pytest.mark.django_db
GOOD = "correct horse battery"


def make(monkeypatch: pytest.MonkeyPatch, name: str, password: str, *more: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    call_command("firstadmin", name, "--password-stdin", *more, stdout=io.StringIO())


def test_the_first_admin_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    make(monkeypatch, "ada", GOOD)
    ada = User.objects.get()
    assert ada.is_superuser
    assert ada.check_password(GOOD)
    assert GOOD not in str(list(AuditEntry.objects.values()))
    assert AuditEntry.objects.get().action == "create account"
    with pytest.raises(CommandError, match=r"already, ada\. --force"):
        make(monkeypatch, "eve", GOOD)
    make(monkeypatch, "bob", GOOD, "--force")
    assert User.objects.filter(is_superuser=True).count() == 2


def test_a_disabled_admin_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.create_superuser("gone", is_active=False)
    make(monkeypatch, "ada", GOOD)
    assert User.objects.get(username="ada").is_superuser


@pytest.mark.parametrize(
    ("name", "password", "why"),
    [
        ("ada", "ada", "too short"),
        ("ada", "password", "too common"),
        ("ada", "", "too short"),
        ("pricing:ci", GOOD, "valid username"),
        ("taken", GOOD, "already exists"),
    ],
)
def test_a_bad_one_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, name: str, password: str, why: str
) -> None:
    User.objects.create_user("taken")
    with pytest.raises(CommandError, match=why):
        make(monkeypatch, name, password)
    assert User.objects.count() == 1
