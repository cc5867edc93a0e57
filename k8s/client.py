"""The verbs of `k8s.cluster.Cluster`, over the official client's request layer.

Only `ApiClient` is used: the typed models cost a second and 100 MB to import,
drop fields they do not know and refuse objects that real clusters send. Its
connection pool is exchanged for one that holds our TLS context and follows no
redirect.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
import urllib3
from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration
from kubernetes.client.exceptions import ApiException

from k8s.cluster import FIELD_MANAGER, Applied, LogQuery, Manifest, Permission, ProxyResponse, Ref
from k8s.connect import Access
from k8s.errors import AnswerTooSlow, ClusterError, ClusterUnavailable, Expired, LogsGone, NotFound
from k8s.journal import telling
from k8s.kinds import collection_path, object_path
from k8s.logs import MAX_LINE_BYTES, log_parameters, split_lines, vanished
from k8s.refusals import error_from, not_json, status_object, warnings_in
from k8s.service_path import passed_on, proxy_path

AGENT: Final = "timoneiro/worker"
CONNECT_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 15.0
LIST_SECONDS: Final = 60.0
# A container may be silent for long; half-open connections must end some time.
FOLLOW_SECONDS: Final = 3600.0
PAGE: Final = 500
# By name: inside the class, `list` is a verb.
_Manifests = list[Manifest]
_CHUNK: Final = 64 * 1024
_MAX_BODY: Final = 512 * 1024 * 1024
_JSON: Final = "application/json"
_MERGE_PATCH: Final = "application/merge-patch+json"
_APPLY_PATCH: Final = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as exc:
            raise not_json(self.status, self.body) from exc

    def object(self) -> Manifest:
        found = self.json()
        if not isinstance(found, dict) or "kind" not in found:
            raise not_json(self.status, self.body)
        return found


class KubernetesCluster:
    """A cluster reached with `access`. Safe to share between threads; raises only `k8s.errors`.

    Raises:
        UnusableCredentials: certificates that cannot be read.
    """

    def __init__(self, access: Access) -> None:
        self._server = access.server
        self._access = access
        # Named empty: left out, they would be taken from the environment.
        self._api = ApiClient(Configuration(host=access.server, proxy="", no_proxy="*"))
        self._pool = _pool(access)
        self._api.rest_client.pool_manager = self._pool

    def version(self) -> str:
        found = self._ask("GET", "/version").json()
        version = found.get("gitVersion") if isinstance(found, dict) else None
        if not isinstance(version, str):
            raise ClusterUnavailable("the answer to /version is not that of a Kubernetes API server")
        return version

    def clock(self) -> datetime | None:
        """What the API server's clock says, to a second; None where it does not tell."""
        told = self._ask("GET", "/version").headers.get("date", "")
        try:
            return parsedate_to_datetime(told)
        except ValueError:
            return None

    def can_i(self, permission: Permission) -> bool:
        attributes = {
            "verb": permission.verb,
            "resource": permission.resource,
            "group": permission.group,
            "subresource": permission.subresource,
            "namespace": permission.namespace or "",
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self._ask("POST", path, body=review).object()
        return bool(answer.get("status", {}).get("allowed"))

    def apply(
        self,
        manifest: Manifest,
        *,
        force: bool = True,
        dry_run: bool = False,
        field_manager: str = FIELD_MANAGER,
    ) -> Applied:
        meta = manifest.get("metadata", {})
        path = object_path(str(manifest.get("kind")), meta.get("namespace", ""), meta.get("name", ""))
        query = {"fieldManager": field_manager, "force": "true" if force else "false"}
        if dry_run:
            query["dryRun"] = "All"
        # JSON is YAML. As text, so that the client passes it on as it is.
        body = msgspec.json.encode(manifest).decode()
        reply = self._ask("PATCH", path, query, body=body, content_type=_APPLY_PATCH)
        return Applied(reply.object(), warnings_in(reply.headers.get("warning", "")))

    def get(self, ref: Ref) -> Manifest:
        return self._ask("GET", object_path(ref.kind, ref.namespace, ref.name)).object()

    def list(self, kind: str, namespace: str | None = None, *, labels: str = "") -> list[Manifest]:
        try:
            return self._list(kind, namespace, labels, PAGE)
        except Expired:
            # Changes overtook us between two pages: all at once then.
            return self._list(kind, namespace, labels, 0)

    def scale(self, ref: Ref, replicas: int) -> None:
        path = object_path(ref.kind, ref.namespace, ref.name) + "/scale"
        body = {"spec": {"replicas": replicas}}
        self._ask("PATCH", path, {"fieldManager": FIELD_MANAGER}, body=body, content_type=_MERGE_PATCH)

    def delete(self, ref: Ref, *, grace_seconds: int | None = None) -> bool:
        options: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
        }
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        try:
            self._ask("DELETE", object_path(ref.kind, ref.namespace, ref.name), body=options)
        except NotFound as exc:
            # Only the cluster's own word for it: a proxy's 404 page deletes nothing.
            if exc.reason != "NotFound":
                raise
            return False
        return True

    def logs(self, namespace: str, pod: str, query: LogQuery) -> str:
        """The log as text.

        Raises:
            LogsNotReady: the container waits to start.
            LogsGone: that run never was, or its log has been removed.
        """
        path = object_path("Pod", namespace, pod) + "/log"
        reply = self._ask("GET", path, log_parameters(query), seconds=LIST_SECONDS)
        text = reply.body.decode("utf-8", "replace")
        if vanished(text):
            raise LogsGone(text.strip(), status=reply.status)
        return text

    def follow_logs(self, namespace: str, pod: str, query: LogQuery) -> Iterator[str]:
        path = object_path("Pod", namespace, pod) + "/log"
        response = self._send("GET", path, log_parameters(query, follow=True), seconds=FOLLOW_SECONDS)
        try:
            rest = b""
            while chunk := _translated(lambda: response.read1(_CHUNK)):
                lines, rest = split_lines(rest + chunk, MAX_LINE_BYTES)
                yield from lines
            if rest:
                yield rest.decode("utf-8", "replace")
        finally:
            response.close()

    def service_proxy(
        self,
        namespace: str,
        service: str,
        port: int,
        *,
        method: str,
        path: str,
        body: bytes | None,
        content_type: str | None,
        timeout_seconds: float,
        max_bytes: int,
    ) -> ProxyResponse:
        """See `Cluster.service_proxy`.

        Raises:
            UnsafePath: a path that could lead away from the Service.
            ServiceHasNoEndpoints: nothing ready is behind it, or it does not answer there.
            AnswerTooSlow: no whole answer within `timeout_seconds`.
        """
        url = self._server + proxy_path(namespace, service, port, path)
        headers = {**self._headers, "Accept": "*/*"}
        if body is not None:
            headers["Content-Type"] = content_type or _JSON
        started = time.monotonic()
        # Straight through the pool: the client's own layer would parse and
        # write JSON bodies anew, and this body is the person's.
        with telling(method, f"{service} of {namespace}, through its Service") as answered_with:
            response = _translated(
                lambda: self._pool.request(
                    method,
                    url,
                    body=body,
                    headers=headers,
                    timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=timeout_seconds),
                    preload_content=False,
                )
            )
            answered_with(response.status, response.headers)
        # Never less than a whole refusal, which says more than its first bytes.
        content, more = _read(response, max(max_bytes, _CHUNK), started + timeout_seconds)
        latency_ms = (time.monotonic() - started) * 1000
        answered = {name.lower(): value for name, value in response.headers.items()}
        if response.status >= 400:
            _raise_if_the_cluster_refused(service, response.status, answered, content)
        truncated = more or len(content) > max_bytes
        return ProxyResponse(response.status, passed_on(answered), content[:max_bytes], truncated, latency_ms)

    def close(self) -> None:
        self._pool.clear()

    @property
    def _headers(self) -> dict[str, str]:
        # In a cluster's audit log workers and the observer are told apart.
        return {**self._access.headers, "User-Agent": AGENT}

    def _list(self, kind: str, namespace: str | None, labels: str, limit: int) -> _Manifests:
        query = {"labelSelector": labels, "limit": str(limit) if limit else ""}
        found: _Manifests = []
        while True:
            reply = self._ask("GET", collection_path(kind, namespace), query, seconds=LIST_SECONDS)
            page = reply.object()
            # Items of a list come without their own kind and version.
            version = page.get("apiVersion", "v1")
            found += [{"apiVersion": version, "kind": kind, **item} for item in page.get("items") or ()]
            query["continue"] = page.get("metadata", {}).get("continue") or ""
            if not query["continue"]:
                return found

    def _ask(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        *,
        body: Manifest | str | None = None,
        content_type: str = _JSON,
        seconds: float = ANSWER_SECONDS,
    ) -> _Reply:
        deadline = time.monotonic() + seconds
        response = self._send(method, path, query, body=body, content_type=content_type, seconds=seconds)
        content, truncated = _read(response, _MAX_BODY, deadline)
        if truncated:
            raise ClusterUnavailable("the answer is larger than any Kubernetes sends")
        return _Reply(response.status, _lowered(response), content)

    def _send(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        *,
        body: Manifest | str | None = None,
        content_type: str = _JSON,
        seconds: float,
    ) -> urllib3.BaseHTTPResponse:
        """The unread response of a success; every refusal is raised."""
        sent = urlencode({key: value for key, value in (query or {}).items() if value})
        headers = {**self._headers, "Content-Type": content_type} if body is not None else self._headers
        with telling(method, path) as answered:
            reply = _translated(
                lambda: self._api.call_api(
                    method,
                    f"{self._server}{path}{'?' if sent else ''}{sent}",
                    headers,
                    body,
                    _request_timeout=(min(CONNECT_SECONDS, seconds), seconds),
                )
            )
            response: urllib3.BaseHTTPResponse = reply.response
            answered(response.status, response.headers)
        if not 200 <= response.status < 300:
            content, _ = _read(response, _CHUNK, time.monotonic() + seconds)
            raise error_from(response.status, _lowered(response), content)
        return response


def _pool(access: Access) -> urllib3.PoolManager:
    context = access.ssl_context()
    more: dict[str, Any] = {"ssl_context": context} if context else {}
    if access.tls_server_name:
        more |= {"server_hostname": access.tls_server_name, "assert_hostname": access.tls_server_name}
    # No retries here: a task tries again, later and with a re-read wish. No
    # redirects: our token would go to whoever is named in one.
    retries = urllib3.Retry(total=0, redirect=0, raise_on_redirect=False)
    return urllib3.PoolManager(retries=retries, maxsize=8, **more)


def _lowered(response: urllib3.BaseHTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _read(response: urllib3.BaseHTTPResponse, limit: int, deadline: float) -> tuple[bytes, bool]:
    """The body up to `limit` bytes, and whether there was more. Returns the connection where it is clean."""
    chunks: list[bytes] = []
    size = 0
    try:
        while size <= limit:
            # In small bites: a read timeout starts anew with each byte.
            if time.monotonic() > deadline:
                raise AnswerTooSlow("the answer did not arrive in time")
            chunk = _translated(lambda: response.read1(_CHUNK))
            if not chunk:
                response.release_conn()
                return b"".join(chunks), False
            chunks.append(chunk)
            size += len(chunk)
    except ClusterError:
        response.close()
        raise
    response.close()
    return b"".join(chunks)[:limit], True


def _translated(call: Any) -> Any:
    """`call()`, with the client's and urllib3's exceptions turned into ours."""
    try:
        return call()
    except urllib3.exceptions.MaxRetryError as exc:
        raise _unreached(exc.reason or exc) from exc
    except (urllib3.exceptions.HTTPError, OSError) as exc:
        raise _unreached(exc) from exc
    except ApiException as exc:
        # Raised by the request layer itself only, for TLS trouble.
        raise ClusterUnavailable(f"the cluster cannot be reached: {exc.reason}") from exc


def _unreached(exc: BaseException) -> ClusterError:
    refused = isinstance(exc, urllib3.exceptions.NewConnectionError)  # a kind of the next one
    if isinstance(exc, urllib3.exceptions.ConnectTimeoutError) and not refused:
        return ClusterUnavailable("the cluster cannot be reached: connecting took too long")
    if isinstance(exc, (urllib3.exceptions.ReadTimeoutError, TimeoutError)):
        return AnswerTooSlow("the answer did not arrive in time")
    # urllib3 puts the repr of its connection before the words.
    return ClusterUnavailable(f"the cluster cannot be reached: {str(exc).rpartition('>: ')[2]}")


def _raise_if_the_cluster_refused(service: str, status: int, headers: dict[str, str], body: bytes) -> None:
    """Tells a refusal by the API server from an error answer of the workload behind it."""
    told = status_object(body)
    if told is None or told.status != "Failure":
        return
    about_service = told.details is not None and told.details.kind == "services"
    error = error_from(status, headers, body)
    if about_service or status == 401 or error.retryable or f'services "{service}"' in error.message:
        raise error
