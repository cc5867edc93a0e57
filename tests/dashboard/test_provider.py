"""Signing in with a provider: who gets in, as whom, with which rights; and what is not believed."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import User
from django.test import Client, RequestFactory

from dashboard.entrance.client import ProviderClient
from dashboard.settings.environment import Environment
from dashboard.settings.oidc import Place, oidc_from
from teams.models import AdminByGroup, ApiToken, AuditEntry, Membership, Team
from teams.roles import Role, Scope
from teams.tokens import authenticate, create_token
from tests.dashboard.codes import code_of
from tests.dashboard.provider import Provider, leading_to, path_of, query_of, running

pytestmark = pytest.mark.django_db
PLACES = {
    "ml": (Place("pricing", Role.DEPLOYER), Place("vision", Role.VIEWER), Place("nobody-made-it", Role.LEAD)),
    "leads": (Place("pricing", Role.LEAD),),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    with running() as provider:
        yield provider


@pytest.fixture
def provider(server: Provider, settings: Any, team: Team) -> Provider:
    """It is configured, and whoever it knows gets an account."""
    Team.objects.create(name="vision")
    settings.OIDC = server.settings(places=PLACES, admin_group="admins", create_accounts=True)
    return server


def places_of(username: str) -> dict[str, tuple[str, str]]:
    rows = Membership.objects.filter(user__username=username).select_related("team")
    return {row.team.name: (row.role, row.group) for row in rows}


def is_in(browser: Client) -> bool:
    return browser.get("/account/").status_code == 200


def test_a_person_gets_an_account_and_the_places_of_their_groups(provider: Provider) -> None:
    provider.person("1", preferred_username="ana", groups=["ml", "gardeners"])
    browser = Client()
    assert provider.sign_in(browser, "1", next="/models/")["Location"] == "/models/"
    assert is_in(browser)
    assert places_of("ana") == {"pricing": ("deployer", "ml"), "vision": ("viewer", "ml")}
    assert not User.objects.get(username="ana").has_usable_password()
    said = AuditEntry.objects.filter(action="sign in", allowed=True).get()
    assert (said.actor, said.detail) == ("ana", {"with": "provider"})


def test_places_follow_the_groups_at_each_sign_in_and_end_with_them(provider: Provider) -> None:
    provider.person("1", preferred_username="ana", groups=["ml"])
    provider.sign_in(Client(), "1")
    ana = User.objects.get(username="ana")
    text, _ = create_token(ana, "mine", [Scope.READ], team=Team.objects.get(name="vision"))
    provider.person("1", preferred_username="ana", groups=["ml", "leads"])
    provider.sign_in(Client(), "1")
    assert places_of("ana")["pricing"] == ("lead", "leads")
    provider.person("1", preferred_username="ana", groups=["leads"])
    provider.sign_in(Client(), "1")
    assert places_of("ana") == {"pricing": ("lead", "leads")}
    assert authenticate(text) is None
    provider.person("1", preferred_username="ana")
    provider.sign_in(Client(), "1")
    assert places_of("ana") == {}
    gone = AuditEntry.objects.filter(action="remove member", actor="groups")
    assert {row.target for row in gone} == {"vision/ana", "pricing/ana"}


def test_what_people_made_stays_as_it_is(provider: Provider, team: Team) -> None:
    provider.person("1", preferred_username="ana")
    provider.sign_in(Client(), "1")
    Membership.objects.create(team=team, user=User.objects.get(username="ana"), role=Role.VIEWER)
    for groups in (["leads", "ml"], []):
        provider.person("1", preferred_username="ana", groups=groups)
        provider.sign_in(Client(), "1")
        assert places_of("ana")["pricing"] == ("viewer", "")
    assert places_of("ana") == {"pricing": ("viewer", "")}


def test_an_admin_by_a_group_is_one_as_long_as_they_are_in_it(provider: Provider) -> None:
    for groups, is_admin in ((["admins"], True), ([], False)):
        provider.person("1", preferred_username="ana", groups=groups)
        provider.sign_in(Client(), "1")
        assert User.objects.get(username="ana").is_superuser is is_admin
    User.objects.filter(username="ana").update(is_superuser=True)
    provider.sign_in(Client(), "1")
    assert User.objects.get(username="ana").is_superuser
    assert not AdminByGroup.objects.exists()


def test_a_stranger_stays_one_unless_accounts_are_made(provider: Provider, settings: Any) -> None:
    settings.OIDC = provider.settings(places=PLACES)
    provider.person("2", preferred_username="bob", groups=["ml"])
    browser = Client()
    answer = provider.sign_in(browser, "2")
    assert answer.status_code == 403
    assert "no account for you" in answer.content.decode()
    assert not is_in(browser)
    assert not User.objects.filter(username="bob").exists()
    assert AuditEntry.objects.filter(action="sign in", allowed=False, target="bob").exists()


def test_a_disabled_account_stays_out_and_gets_nothing(provider: Provider) -> None:
    provider.person("1", preferred_username="ana")
    provider.sign_in(Client(), "1")
    User.objects.filter(username="ana").update(is_active=False)
    provider.person("1", preferred_username="ana", groups=["leads", "admins"])
    browser = Client()
    assert provider.sign_in(browser, "1").status_code == 403
    assert not is_in(browser)
    assert places_of("ana") == {}
    assert not User.objects.get(username="ana").is_superuser


def test_somebody_elses_name_is_not_taken_over(provider: Provider, deployer: User) -> None:
    provider.person("1", preferred_username="deployer", email="deployer@example.org", email_verified=True)
    User.objects.filter(pk=deployer.pk).update(email="deployer@example.org")
    browser = Client()
    provider.sign_in(browser, "1")
    account = SocialAccount.objects.get()
    assert account.user != deployer
    assert account.user.username != "deployer"


def test_a_name_with_a_colon_makes_nobody_a_service_account(provider: Provider) -> None:
    provider.person("1", preferred_username="pricing:ci", given_name="Ana")
    provider.sign_in(Client(), "1")
    assert ":" not in SocialAccount.objects.get().user.username


@pytest.mark.parametrize(
    ("claims", "linked"),
    [
        ({"email": "DEPLOYER@example.org", "email_verified": True}, True),
        ({"email": "deployer@example.org", "email_verified": False}, False),
        ({"email": "deployer@example.org", "email_verified": "true"}, False),
        ({"email": "deployer@example.org"}, False),
    ],
)
def test_a_verified_address_leads_to_its_account_where_that_is_configured(
    provider: Provider, settings: Any, deployer: User, claims: dict[str, Any], linked: bool
) -> None:
    """And whoever used the account until now, and maybe only claimed the address, is out of it."""
    settings.OIDC = provider.settings(places=PLACES, link_verified_email=True)
    User.objects.filter(pk=deployer.pk).update(email="deployer@example.org")
    create_token(deployer, "old", [Scope.READ])
    Authenticator.objects.create(user=deployer, type=Authenticator.Type.TOTP, data={"secret": "x"})
    provider.person("1", **claims)
    browser = Client()
    provider.sign_in(browser, "1")
    deployer.refresh_from_db()
    assert is_in(browser) is linked
    assert deployer.has_usable_password() is not linked
    assert ApiToken.objects.filter(revoked_at=None).exists() is not linked
    assert Authenticator.objects.exists() is not linked


def test_an_address_leads_to_no_admin_and_to_nobody_whom_the_provider_knows(
    provider: Provider, settings: Any, admin: User
) -> None:
    settings.OIDC = provider.settings(link_verified_email=True)
    User.objects.filter(pk=admin.pk).update(email="admin@example.org")
    provider.person("1", email="admin@example.org", email_verified=True)
    assert provider.sign_in(Client(), "1").status_code == 403
    known = User.objects.create_user("known", email="known@example.org")
    SocialAccount.objects.create(user=known, provider=provider.issuer, uid="7")
    provider.person("2", email="known@example.org", email_verified=True)
    assert provider.sign_in(Client(), "2").status_code == 403


def test_the_same_subject_of_another_provider_is_somebody_else(provider: Provider, admin: User) -> None:
    SocialAccount.objects.create(user=admin, provider="https://id.example.org", uid="1")
    provider.person("1", preferred_username="ana")
    browser = Client()
    provider.sign_in(browser, "1")
    assert "ana" in browser.get("/account/").content.decode()


def test_what_is_asked_cannot_be_changed_by_the_address(provider: Provider) -> None:
    asked = leading_to(
        Client().post("/sign-in/provider?scope=admin&auth_params=nonce%3Dx%26prompt%3Dnone&process=redirect")
    )
    query = query_of(asked)
    assert query["response_type"] == "code"
    assert query["code_challenge_method"] == "S256"
    assert set(query["scope"].split()) == {"openid", "profile", "email"}
    assert len(query["nonce"]) == 32
    assert "prompt" not in query
    assert Client().get("/sign-in/provider").status_code == 405


@pytest.mark.parametrize("state", ["", "state=guessed&", "state=%00&"])
def test_an_answer_to_no_question_of_this_browser_is_refused(provider: Provider, state: str) -> None:
    browser, other = Client(), Client()
    answered = provider.agree(leading_to(other.post("/sign-in/provider")), "1")
    query = query_of(answered)
    for address in (path_of(answered), f"/sign-in/provider/answer?{state}code={query['code']}"):
        assert browser.get(address).status_code in (400, 403)
    assert not is_in(browser)
    assert not User.objects.exists()


def test_an_answer_is_taken_once(provider: Provider) -> None:
    browser = Client()
    answered = path_of(provider.agree(leading_to(browser.post("/sign-in/provider")), "1"))
    assert browser.get(answered).status_code == 302
    browser.post("/sign-out/")
    assert browser.get(answered).status_code == 403
    assert not is_in(browser)


def test_an_id_token_with_another_nonce_is_refused(provider: Provider) -> None:
    """Somebody's code, got elsewhere, is put into this browser's answer."""
    browser = Client()
    mine = leading_to(browser.post("/sign-in/provider"))
    stolen = mine.replace(query_of(mine)["nonce"], "n" * 32)
    answer = browser.get(path_of(provider.agree(stolen, "1")))
    assert answer.status_code == 403
    assert not is_in(browser)
    assert "nonce" in AuditEntry.objects.get(allowed=False).detail["why"]


def issued(provider: Provider, client_id: str) -> str:
    """An ID token that the provider signed for this client."""
    back = "http://testserver/back"
    query = {
        "client_id": client_id,
        "redirect_uri": back,
        "response_type": "code",
        "nonce": "n",
        "scope": "openid",
    }
    code = query_of(provider.agree(f"{provider.issuer}/oauth2/authorize?{urlencode(query)}", "1"))["code"]
    asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "client_id": client_id}
    answer = httpx.post(
        f"{provider.issuer}/oauth2/token", data={**asked, "client_secret": "s"}, trust_env=False
    )
    return str(answer.json()["id_token"])


def test_what_the_provider_did_not_sign_for_us_is_not_believed(provider: Provider) -> None:
    """Not for another client, not with another key of the same name, a shared secret, or none."""
    client = ProviderClient(RequestFactory().get("/"))
    app = client.get_provider().app
    good = issued(provider, "timoneiro")
    claims = client._decode_id_token(app, good)
    assert claims["sub"] == "1"
    other_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for token in (
        issued(provider, "somebody-else"),
        jwt.encode(claims, other_key, algorithm="RS256"),
        jwt.encode(claims, "a shared secret of enough bytes to use", algorithm="HS256"),
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, other_key, algorithm="RS256", headers={"kid": "unknown"}),
        "a.b.c",
        "",
    ):
        with pytest.raises(OAuth2Error):
            client._decode_id_token(app, token)


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x"]
)
def test_next_leads_nowhere_else(provider: Provider, deployer: User, wanted: str) -> None:
    provider.person("1", preferred_username="ana")
    assert provider.sign_in(Client(), "1", next=wanted)["Location"] == "/"
    answer = Client().post("/sign-in/", {"username": "deployer", "password": "deployer", "next": wanted})
    assert answer["Location"] == "/"


def test_signing_out_leads_on_to_the_provider_and_back(provider: Provider) -> None:
    provider.person("1", preferred_username="ana")
    browser = Client()
    provider.sign_in(browser, "1")
    away = leading_to(browser.post("/sign-out/"))
    assert away.startswith(f"{provider.issuer}/oauth2/end_session?")
    query = query_of(away)
    assert query["post_logout_redirect_uri"] == "http://testserver/sign-in/"
    assert jwt.decode(query["id_token_hint"], options={"verify_signature": False})["sub"] == "1"
    assert not is_in(browser)
    assert AuditEntry.objects.filter(actor="ana", action="sign out").exists()


def test_a_second_factor_is_asked_for_after_the_provider_too(provider: Provider) -> None:
    provider.person("1", preferred_username="ana", groups=["ml"])
    first = Client()
    provider.sign_in(first, "1")
    secret = first.get("/account/two-factor/codes/add").context["form"].secret
    first.post("/account/two-factor/codes/add", {"code": code_of(secret)})
    browser = Client()
    assert provider.sign_in(browser, "1", next="/models/")["Location"] == "/sign-in/second-factor"
    assert not is_in(browser)
    assert browser.post("/sign-in/second-factor", {"code": code_of(secret)})["Location"] == "/models/"
    assert is_in(browser)
    assert leading_to(browser.post("/sign-out/")).startswith(f"{provider.issuer}/oauth2/end_session?")


def test_whoever_signed_in_with_a_password_is_not_led_to_the_provider(
    provider: Provider, deployer: User
) -> None:
    browser = Client()
    browser.post("/sign-in/", {"username": "deployer", "password": "deployer"})
    assert browser.post("/sign-out/")["Location"] == "/sign-in/"


def test_a_provider_that_does_not_answer_is_said_and_passwords_go_on(
    provider: Provider, settings: Any
) -> None:
    settings.OIDC = Provider("http://127.0.0.1:9").settings()
    answer = Client().post("/sign-in/provider")
    assert answer.status_code == 503
    assert "Harbour cannot be reached" in answer.content.decode()
    assert "Continue with Harbour" in Client().get("/sign-in/").content.decode()


def test_without_a_provider_there_is_no_way_by_it(deployer: User) -> None:
    assert Client().post("/sign-in/provider").status_code == 404
    assert Client().get("/sign-in/provider/answer?code=x&state=y").status_code == 404
    assert "Continue with" not in Client().get("/sign-in/").content.decode()


def test_an_account_is_connected_after_its_password_was_asked_for(
    provider: Provider, settings: Any, browser: Client, deployer: User
) -> None:
    settings.OIDC = provider.settings(places=PLACES)
    provider.person("1", preferred_username="ana", groups=["ml"])
    asked = provider.sign_in(browser, "1")
    assert asked["Location"] == "/account/confirm"
    assert not SocialAccount.objects.exists()
    answer = browser.post("/account/confirm", {"password": "deployer"})
    assert answer["Location"] == "/account/"
    assert SocialAccount.objects.get().user == deployer
    other = Client()
    provider.sign_in(other, "1")
    assert is_in(other)
    assert places_of("deployer") == {"pricing": ("deployer", ""), "vision": ("viewer", "ml")}


GOOD = {"oidc_issuer": "https://id.example.org/", "oidc_client_id": "c", "oidc_client_secret": "s"}


def test_a_provider_is_read_from_the_environment() -> None:
    groups = json.dumps({"ml": "pricing:deployer", "cn=leads,dc=org": ["pricing:lead", "vision:viewer"]})
    oidc = oidc_from(Environment(**GOOD, oidc_groups=groups, oidc_name="Harbour"))  # type: ignore[arg-type]
    assert oidc is not None
    assert (oidc.issuer, oidc.name, oidc.create_accounts) == ("https://id.example.org", "Harbour", False)
    assert oidc.places["cn=leads,dc=org"] == (Place("pricing", Role.LEAD), Place("vision", Role.VIEWER))
    assert oidc_from(Environment(oidc_issuer="")) is None


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"oidc_client_secret": ""}, "OIDC_CLIENT_SECRET"),
        ({"oidc_issuer": "http://id.example.org"}, "OIDC_ISSUER"),
        ({"oidc_issuer": "id.example.org"}, "OIDC_ISSUER"),
        ({"oidc_issuer": "https://id.example.org/" + "x" * 200}, "OIDC_ISSUER"),
        ({"oidc_scopes": "profile"}, "OIDC_SCOPES"),
        ({"oidc_groups": "ml=pricing"}, "OIDC_GROUPS"),
        ({"oidc_groups": "[]"}, "OIDC_GROUPS"),
        ({"oidc_groups": '{"ml": "pricing:owner"}'}, "OIDC_GROUPS: 'ml'"),
        ({"oidc_groups": '{"ml": ["pricing"]}'}, "OIDC_GROUPS: 'ml'"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        oidc_from(Environment(**{**GOOD, **wrong}))  # type: ignore[arg-type]
