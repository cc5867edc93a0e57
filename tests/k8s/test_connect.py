"""A kubeconfig is used only for what is written in it."""

import base64
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from k8s.connect import in_cluster_access, load_kubeconfig
from k8s.errors import UnusableCredentials


def certificate() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return cert.public_bytes(pem), private


CERT, KEY = certificate()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def kubeconfig(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **more: Any) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "main",
            "contexts": [
                {"name": "main", "context": {"cluster": "c", "user": "u", "namespace": "pricing"}},
                {"name": "other", "context": {"cluster": "c2", "user": "u"}},
            ],
            "clusters": [
                {"name": "c", "cluster": {"server": "https://k8s.example:6443/", **(cluster or {})}},
                {"name": "c2", "cluster": {"server": "https://other.example"}},
            ],
            "users": [{"name": "u", "user": {"token": "abc"} if user is None else user}],
            **more,
        }
    )


def test_a_token_and_a_ca_make_an_access() -> None:
    access = load_kubeconfig(kubeconfig({"certificate-authority-data": encoded(CERT)}))
    assert (access.server, access.token, access.context) == ("https://k8s.example:6443", "abc", "main")
    assert access.namespace == "pricing"
    assert access.headers["Authorization"] == "Bearer abc"
    context = access.ssl_context()
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_client_certificate_makes_an_access() -> None:
    user = {"client-certificate-data": encoded(CERT), "client-key-data": encoded(KEY)}
    access = load_kubeconfig(kubeconfig(user=user))
    assert access.token is None
    assert access.ssl_context() is not None


def test_another_context_can_be_named() -> None:
    assert load_kubeconfig(kubeconfig(), context="other").server == "https://other.example"


def test_secrets_stay_out_of_its_repr() -> None:
    assert "abc" not in repr(load_kubeconfig(kubeconfig()))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (kubeconfig({"insecure-skip-tls-verify": True}), "insecure-skip-tls-verify"),
        (kubeconfig({"certificate-authority": "/etc/ca.crt"}), "flatten"),
        (kubeconfig({"proxy-url": "http://p:1"}), "proxy-url"),
        (kubeconfig({"server": "http://k8s.example"}), "https"),
        (kubeconfig({"server": "https://me:pw@k8s.example"}), "URL"),
        (kubeconfig({"server": "https://k8s.example:99999"}), "URL"),
        (kubeconfig({"server": "file:///etc/passwd"}), "URL"),
        (kubeconfig({"certificate-authority-data": "%%%"}), "base64"),
        (kubeconfig({"certificate-authority-data": encoded(b"no pem")}), "certificates"),
        (kubeconfig(user={"exec": {"command": "steal"}}), "exec"),
        (kubeconfig(user={"auth-provider": {"name": "x"}, "token": "t"}), "auth-provider"),
        (kubeconfig(user={"client-certificate": "/c", "client-key": "/k"}), "client-certificate"),
        (kubeconfig(user={"tokenFile": "/etc/shadow"}), "tokenFile"),
        (kubeconfig(user={"username": "u", "password": "p"}), "password"),
        (kubeconfig(user={"token": "t", "as": "root"}), "impersonates"),
        (kubeconfig(user={"token": "a\nX-Remote-User: root"}), "token"),
        (kubeconfig(user={"client-certificate-data": encoded(CERT)}), "belong together"),
        (kubeconfig(user={}), "neither"),
        (kubeconfig().replace("current-context: main", "current-context: nope"), "nope"),
        (kubeconfig().replace("current-context: main", ""), "current context"),
        (kubeconfig(users=[]), "user"),
        (kubeconfig(clusters="text"), "cluster"),
        ("just text", "mapping"),
        ("a: [", "YAML"),
        ("a: &a [1]\nb: *a", "aliases"),
        ("a: &a {b: 1}\nc:\n  <<: *a", "aliases"),
        ("[" * 20_000, "YAML"),
        ("{a: " * 20_000, "YAML"),
        ("- " * 20_000 + "x", "YAML"),
        ("!!python/object/apply:os.system [id]", "YAML"),
        ("x" * 1_000_001, "large"),
    ],
)
def test_what_is_refused_says_what_it_is(text: str, says: str) -> None:
    with pytest.raises(UnusableCredentials, match=says):
        load_kubeconfig(text)


def test_words_about_bad_yaml_do_not_quote_it() -> None:
    with pytest.raises(UnusableCredentials) as caught:
        load_kubeconfig("token: 'very-secret\n  : [")
    assert "very-secret" not in str(caught.value)


def test_plain_http_is_for_this_machine_only() -> None:
    access = load_kubeconfig(kubeconfig({"server": "http://127.0.0.1:8001"}))
    assert access.ssl_context() is None


@pytest.fixture
def service_account(tmp_path: Path) -> Path:
    (tmp_path / "ca.crt").write_bytes(CERT)
    (tmp_path / "token").write_text("first\n")
    return tmp_path


def test_a_token_that_the_kubelet_exchanges_is_followed(service_account: Path) -> None:
    access = in_cluster_access(service_account, host="10.96.0.1", port="443")
    assert (access.server, access.headers["Authorization"]) == ("https://10.96.0.1:443", "Bearer first")
    (service_account / "token").write_text("second")
    assert access.headers["Authorization"] == "Bearer second"
    assert in_cluster_access(service_account, host="fd00::1", port="443").server == "https://[fd00::1]:443"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("token", None, "token .* cannot be read"),
        ("token", "", "is not one"),
        ("token", "two\nlines", "is not one"),
        ("ca.crt", None, "ca.crt cannot be read"),
        ("ca.crt", "no certificate", "certificates cannot be read"),
    ],
)
def test_a_pod_without_a_usable_account_is_told_what_is_missing(
    service_account: Path, name: str, content: str | None, said: str
) -> None:
    if content is None:
        (service_account / name).unlink()
    else:
        (service_account / name).write_text(content)
    with pytest.raises(UnusableCredentials, match=said):
        in_cluster_access(service_account, host="10.96.0.1", port="443")
    with pytest.raises(UnusableCredentials, match="does not run in a Kubernetes cluster"):
        in_cluster_access(service_account, host="", port="")
