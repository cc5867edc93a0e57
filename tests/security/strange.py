"""What a form may be sent: for each one its fields, and texts that no browser offers to type."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote_plus

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from hypothesis import strategies as st

from dashboard.forms import catalogue, deployment, platform, scaling, team
from dashboard.forms.clusters import BOXES, TEXTS
from tests.dashboard.test_permissions import POST_RULES

# Forms that everybody may send, so that the permission matrix has no line for them.
FOR_EVERYBODY: dict[str, dict[str, str]] = {
    "sign-in": {"username": "deployer", "password": "wrong", "next": "/"},
    "account_login": {"username": "deployer", "password": "wrong", "next": "/"},
    "sign-out": {"next": "/"},
    "mfa_download_recovery_codes": {},
    "theme": {"theme": "dark", "next": "/"},
    "language": {"language": "pt-br", "next": "/"},
}
_DEPLOYMENT = (
    *deployment.FIELDS,
    *("team", "source", "version", "opened", "then", "generation", "suggested", "suggested_for"),
    *("suggested_size", "env.name", "env.value", "env.kind", "env.state"),
)
_VERSION = (
    *catalogue.VERSION_FIELDS,
    *(f"env_schema.{name}" for name in ("name", "description", "default", "kind")),
    *(f"links.{name}" for name in ("title", "url")),
)
_NODES = (
    *platform.NODE_FIELDS,
    *(f"tolerations.{name}" for name in ("key", "value", "operator", "effect")),
)
_CONNECTION = (*TEXTS, *BOXES, "kubeconfig_file")
_COUNTS = (*scaling.BOUNDS, *scaling.TARGETS, "replicas", "scale_down_seconds", "mode", "generation")
# Fields that the line of the permission matrix does not need.
_MORE: dict[str, Iterable[str]] = {
    **dict.fromkeys(
        (f"deployments-new{end}" for end in ("", "-name", "-preview", "-preflight")), _DEPLOYMENT
    ),
    **dict.fromkeys((f"deployment-settings{end}" for end in ("", "-preview", "-preflight")), _DEPLOYMENT),
    "deployment-scaling": _COUNTS,
    "deployment-scale": ("step", "next", "generation"),
    "deployment-schedule-add": (scaling.SCHEDULE + name for name in scaling.SCHEDULED),
    "deployment-schedule-change": ("enabled",),
    "deployment-try": ("body",),
    "deployments-bulk": ("replicas", "next"),
    "models-new": (*catalogue.MODEL_FIELDS, "team"),
    "model-edit": catalogue.MODEL_FIELDS,
    "model-version-new": _VERSION,
    "model-version-edit": _VERSION,
    "team-quota": team.quota_fields(with_ceilings=True),
    "team-account-add": ("description",),
    "team-registry": ("username",),
    "team-webhook": ("enabled",),
    "account-token-make": ("team",),
    "clusters-connect": _CONNECTION,
    "clusters-one": _CONNECTION,
    "clusters-namespace-give": ("namespace",),
    "platform-size": (*platform.SIZE_TEXTS, *platform.SIZE_NUMBERS),
    "platform-size-new": (*platform.SIZE_TEXTS, *platform.SIZE_NUMBERS),
    "platform-cluster": (*platform.CLUSTER_TEXTS, *platform.PRICES),
    "platform-nodes": _NODES,
    "platform-nodes-new": _NODES,
}
_TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "\u202e\u2066",
    "\u2028",
    "\ufeff",
    "\x1b[31m",
    "\r\nX: y",
    "9" * 25,
    "9" * 5000,
    "-1",
    "-0",
    "1e999",
    "nan",
    "-inf",
    "1_000",
    "0x10",
    "\u0661\u0662",
    "\u00b2",
    "1.5",
    "<script>alert(1)</script>",
    "{{ 7 }}",
    "{% now %}",
    "';--",
    "%00",
    "%s%n",
    "../../etc/passwd",
    "//evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "null",
    "true",
    "{}",
    "[]",
    '{"a": NaN}',
    "[" * 3000,
    "a" * 9000,
    "a: &a [*a, *a]",
    "=1+1",
    "1Gi",
    "1e100",
    "250m",
    "* * * * *",
    "0 8 * * *",
    "@reboot",
    "60 25 32 13 8",
    "house@1.0",
    "house@",
    "@",
    "Europe/Berlin",
    "../Berlin",
    "read",
    "admin",
    "lead",
    "auto",
    "automatic",
    "secret",
)
_TEXT = st.sampled_from(_TEXTS) | st.text(max_size=30) | st.integers().map(str) | st.floats().map(str)


@dataclass(frozen=True)
class Sent:
    """A body as it goes out, with the type that says how it is to be read."""

    body: bytes
    media: str


def forms(name: str) -> st.SearchStrategy[Sent]:
    """Bodies for the form of that name.

    What would do, with some of its fields changed, missing, several times, or files instead of texts.

    Raises:
        KeyError: there is no line for it, here or in the permission matrix.
    """
    good = FOR_EVERYBODY[name] if name in FOR_EVERYBODY else POST_RULES[name][1]
    names = sorted({*good, *_MORE.get(name, ()), "nobody-asks-for-it"})
    changed = st.dictionaries(st.sampled_from(names), st.lists(_TEXT, max_size=2), max_size=4)
    file = st.none() | st.tuples(st.sampled_from(names), st.binary(max_size=50))
    return st.builds(_sent, st.just(good), changed, file)


def _sent(good: dict[str, str], changed: dict[str, list[str]], file: tuple[str, bytes] | None) -> Sent:
    texts = {**{name: [text] for name, text in good.items()}, **changed}
    if file is None:
        pairs = [(name, text) for name, given in texts.items() for text in given]
        # Half a character is sent as bytes that are no UTF-8: no browser does, anybody can.
        body = "&".join(
            f"{quote_plus(name)}={quote_plus(text, errors='surrogatepass')}" for name, text in pairs
        )
        return Sent(body.encode(), "application/x-www-form-urlencoded")
    parts: dict[str, object] = {
        name: [text.encode(errors="replace").decode() for text in given] for name, given in texts.items()
    }
    parts[file[0]] = SimpleUploadedFile("a\u202e.txt", file[1])
    return Sent(encode_multipart(BOUNDARY, parts), MULTIPART_CONTENT)
