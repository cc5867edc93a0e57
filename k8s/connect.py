"""Credentials to clients: a kubeconfig becomes an `Access`, an `Access` a TLS context.

Only what is written in the kubeconfig itself is used. A kubeconfig comes from a
person, through a form or a file; programs it wants run and files it wants read
would run and be read with the rights of our worker.
"""

import base64
import binascii
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from k8s.errors import UnusableCredentials

IN_CLUSTER: Final = "in-cluster"
"""Stands in a kubeconfig's place for "the cluster that we run in"."""

_MAX_CHARACTERS: Final = 1_000_000
_FLATTEN: Final = "`kubectl config view --raw --flatten --minify` writes one with everything inside"
_REFUSED_OF_CLUSTER: Final = {
    "insecure-skip-tls-verify": "would not verify the cluster's certificate",
    "certificate-authority": f"names a file; {_FLATTEN}",
    "proxy-url": "wants a proxy, which is not supported",
}
_REFUSED_OF_USER: Final = {
    "exec": "wants a program run; use a service account's token or a client certificate",
    "auth-provider": "wants a login plug-in; use a service account's token or a client certificate",
    "username": "uses a password, which clusters no longer accept",
    "password": "uses a password, which clusters no longer accept",
    "tokenFile": f"names a file; {_FLATTEN}",
    "client-certificate": f"names a file; {_FLATTEN}",
    "client-key": f"names a file; {_FLATTEN}",
    "as": "impersonates somebody, which is not supported",
    "as-uid": "impersonates somebody, which is not supported",
    "as-groups": "impersonates somebody, which is not supported",
    "as-user-extra": "impersonates somebody, which is not supported",
}


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one cluster and prove who we are. Secrets stay out of its repr.

    `server` has no trailing slash. `ca_pem` None means the machine's trust store.
    `namespace` is the context's own, "" when it names none. `token_path` is a file that holds the
    token and is read for each request, because a kubelet exchanges it while we run. `insecure`:
    the server's certificate is not verified.
    """

    server: str
    ca_pem: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    token_path: Path | None = None
    client_cert_pem: str | None = field(default=None, repr=False)
    client_key_pem: str | None = field(default=None, repr=False)
    tls_server_name: str | None = None
    context: str = ""
    namespace: str = ""
    insecure: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries.

        Raises:
            UnusableCredentials: the token's file cannot be read.
        """
        sent = {"Accept": "application/json"}
        token = _token_in(self.token_path) if self.token_path else self.token
        if token:
            sent["Authorization"] = f"Bearer {token}"
        return sent

    def ssl_context(self) -> ssl.SSLContext | None:
        """A verifying TLS client context with our certificate in it; None for plain HTTP on loopback.

        Raises:
            UnusableCredentials: a certificate or key that is not one.
        """
        if self.server.startswith("http://"):
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            if self.insecure:
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            elif self.ca_pem is None:
                context.load_default_certs()
            else:
                context.load_verify_locations(cadata=self.ca_pem)
            if self.client_cert_pem and self.client_key_pem:
                _load_client_certificate(context, self.client_cert_pem, self.client_key_pem)
        except (ssl.SSLError, ValueError) as exc:
            raise UnusableCredentials(f"the certificates cannot be read: {exc}") from exc
        return context

    def as_kubeconfig(self) -> str:
        """A kubeconfig with this context alone: no credentials are kept that we do not need."""
        encoded = {
            "certificate-authority-data": self.ca_pem,
            "client-certificate-data": self.client_cert_pem,
            "client-key-data": self.client_key_pem,
        }
        data = {key: base64.b64encode(pem.encode()).decode() for key, pem in encoded.items() if pem}
        cluster: dict[str, object] = {"server": self.server}
        if "certificate-authority-data" in data:
            cluster["certificate-authority-data"] = data.pop("certificate-authority-data")
        if self.tls_server_name:
            cluster["tls-server-name"] = self.tls_server_name
        if self.insecure:
            cluster["insecure-skip-tls-verify"] = True
        user = {**data, "token": self.token} if self.token else data
        chosen = {"cluster": "cluster", "user": "user"}
        if self.namespace:
            chosen["namespace"] = self.namespace
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": self.context,
            "clusters": [{"name": "cluster", "cluster": cluster}],
            "users": [{"name": "user", "user": user}],
            "contexts": [{"name": self.context, "context": chosen}],
        }
        return yaml.safe_dump(config)


def load_kubeconfig(text: str, *, context: str = "", allow_insecure_tls: bool = False) -> Access:
    """Reads one context of a kubeconfig; `context` "" means its current one.

    `allow_insecure_tls` lets one through that does not verify the cluster's certificate.

    Raises:
        UnusableCredentials: not a kubeconfig, no such context, or it relies on
            something we refuse (programs, files, passwords, unverified TLS).
    """
    config = _mapping(_parse(text), "the kubeconfig")
    name = context or str(config.get("current-context") or "")
    if not name:
        raise UnusableCredentials("the kubeconfig has no current context: name one")
    chosen = _named(config, "contexts", name, "context")
    cluster = _named(config, "clusters", str(chosen.get("cluster") or ""), "cluster")
    user = _named(config, "users", str(chosen.get("user") or ""), "user")
    insecure = cluster.get("insecure-skip-tls-verify") is True
    accepted = {"insecure-skip-tls-verify"} if allow_insecure_tls else set()
    refused = {key: why for key, why in _REFUSED_OF_CLUSTER.items() if key not in accepted}
    _refuse(cluster, refused, f"the cluster of context {name!r}")
    _refuse(user, _REFUSED_OF_USER, f"the user of context {name!r}")
    cert, key = _pem(user, "client-certificate-data"), _pem(user, "client-key-data")
    token = str(user.get("token") or "").strip() or None
    if (cert is None) != (key is None):
        raise UnusableCredentials("a client certificate and its key belong together; one is missing")
    if token is None and cert is None:
        raise UnusableCredentials(
            f"the user of context {name!r} has neither a token nor a client certificate"
        )
    # It becomes a header: a line break in it would add others.
    if token is not None and not (token.isascii() and token.isprintable()):
        raise UnusableCredentials("the token has characters that no token has")
    access = Access(
        server=_server(cluster),
        ca_pem=_pem(cluster, "certificate-authority-data"),
        token=token,
        client_cert_pem=cert,
        client_key_pem=key,
        tls_server_name=str(cluster.get("tls-server-name") or "") or None,
        context=name,
        namespace=str(chosen.get("namespace") or ""),
        insecure=insecure,
    )
    access.ssl_context()  # an unreadable certificate is said now, to the person who brought it
    return access


def in_cluster_access(folder: Path, *, host: str, port: str) -> Access:
    """The cluster that this process runs in, by its pod's service account.

    `folder` is where the kubelet puts `token`, `ca.crt` and `namespace`; `host` and `port`
    are KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT.

    Raises:
        UnusableCredentials: this is no pod, or one without a service account's token.
    """
    if not host or not port:
        raise UnusableCredentials("this process does not run in a Kubernetes cluster")
    try:
        ca_pem = (folder / "ca.crt").read_text()
    except (OSError, UnicodeDecodeError) as exc:
        raise UnusableCredentials(f"the service account's {folder}/ca.crt cannot be read") from exc
    access = Access(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        ca_pem=ca_pem,
        token_path=folder / "token",
        context=IN_CLUSTER,
    )
    _token_in(folder / "token")  # said now, not with the first request
    access.ssl_context()
    return access


def _token_in(path: Path) -> str:
    try:
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise UnusableCredentials(f"the service account's token {path} cannot be read") from exc
    if not token or not token.isascii() or not token.isprintable():
        raise UnusableCredentials(f"the service account's token {path} is not one")
    return token


def _parse(text: str) -> object:
    if len(text) > _MAX_CHARACTERS:
        raise UnusableCredentials("the kubeconfig is far too large")
    try:
        # The scanner only: aliases could unfold into gigabytes, so they are refused first.
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)):
            raise UnusableCredentials("the kubeconfig uses YAML aliases, which are not supported")
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        # Without the parser's own words: they quote the line, which may hold a token.
        raise UnusableCredentials("the kubeconfig is not YAML") from exc


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnusableCredentials(f"{what} is not a mapping")
    return value


def _named(config: Mapping[str, Any], section: str, name: str, what: str) -> Mapping[str, Any]:
    entries = config.get(section)
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("name") == name:
            return _mapping(entry.get(what), f"{what} {name!r} of the kubeconfig")
    raise UnusableCredentials(f"the kubeconfig has no {what} named {name!r}")


def _refuse(entry: Mapping[str, Any], refused: Mapping[str, str], whose: str) -> None:
    for key, why in refused.items():
        if entry.get(key):
            raise UnusableCredentials(f"{whose} {why} ({key})")


def _pem(entry: Mapping[str, Any], key: str) -> str | None:
    data = entry.get(key)
    if not data:
        return None
    try:
        return base64.b64decode(str(data), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError) as exc:
        raise UnusableCredentials(f"{key} is not base64 of a PEM file") from exc


def _server(cluster: Mapping[str, Any]) -> str:
    server = str(cluster.get("server") or "").rstrip("/")
    try:
        parts = urlsplit(server)
        parts.port  # noqa: B018  reading it checks it
    except ValueError as exc:
        raise UnusableCredentials(f"the server {server!r} is not a URL") from exc
    if parts.hostname is None or parts.username or parts.query or parts.fragment:
        raise UnusableCredentials(f"the server {server!r} is not the URL of an API server")
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname)):
        return server
    raise UnusableCredentials(
        f"the server {server!r} must be https: over anything else the token can be read"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _load_client_certificate(context: ssl.SSLContext, cert_pem: str, key_pem: str) -> None:
    # Python loads a client certificate from a file only: one that no other
    # account can read and that is gone again before we return.
    with tempfile.TemporaryDirectory(prefix="timoneiro-") as folder:
        path = Path(folder) / "client.pem"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(cert_pem.rstrip() + "\n" + key_pem)
        # A key with a password would otherwise ask for it on the terminal.
        context.load_cert_chain(path, password=_no_password)


def _no_password() -> str:
    raise ValueError("the client key is locked with a password")
