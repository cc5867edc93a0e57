"""The sentences that Python makes and pages show: what there is to translate beside the templates.

`python -m devtools.sentences` prints them with their places.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from devtools.patterns import Ends, ends_in, filled_in, is_text, msgids_of

ROOT = Path(__file__).resolve().parent.parent
COMPOSED = ROOT / "locale" / "composed.txt"
NOT_SHOWN = ROOT / "locale" / "not-shown.txt"
ROOMS = ("dashboard", "deployments", "k8s", "teams")
# Part of a path: why nothing below it is words on a page.
EXCLUDED = {
    "/migrations/": "for the database",
    "/management/": "for the console",
    "dashboard/celery.py": "for the log",
    "dashboard/live.py": "for scripts",
    "dashboard/logs.py": "the log",
    "dashboard/origin.py": "for the log",
    "dashboard/settings/": "for the console",
    "dashboard/supervisor/": "for the console",
    "dashboard/telemetry.py": "for a collector of traces",
    "dashboard/views/metrics.py": "for Prometheus",
    "deployments/api/": "REST answers in English",
    "deployments/doctor/": "for the console",
    "deployments/first_data.py": "rows that people rename and describe anew",
    "deployments/metrics.py": "for Prometheus",
    "deployments/selectors/usage/promql.py": "PromQL",
    "deployments/usage/rolling.py": "SQL",
    "deployments/usage/sampling.py": "SQL",
    "k8s/decode.py": "for the log",
    "k8s/install/": "not of the product",
    "k8s/journal.py": "for the log",
    "k8s/local/": "another program: a cluster to try things with",
    "k8s/manifests/": "objects for Kubernetes",
    "teams/append_only.py": "SQL",
}

# Where one capitalised word is a label; elsewhere it is a kind or a reason of Kubernetes.
_LABELS_IN = ("dashboard/", "deployments/intent/", "deployments/spec/")

_BUILTIN_ERRORS = re.compile(
    r"(Value|Runtime|Assertion|Type|Key|Lookup|Index|OS|Attribute|NotImplemented|Timeout|Command)Error"
    r"|ImproperlyConfigured|SystemExit|Exception|StopIteration"
)
# Babel reads what is marked; the others are told to programs.
_NOT_OURS = frozenset(
    {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
    | {"pgettext", "pgettext_lazy", "npgettext", "npgettext_lazy"}
    | {"compile", "fullmatch", "match", "search", "sub", "getattr", "reverse", "execute", "RawSQL"}
    | {"cast", "TypeVar", "NewType", "getLogger", "import_module", "namedtuple", "salted_hmac"}
)
_FOR_PROGRAMS = frozenset({"help", "related_name", "db_column", "content_type", "salt", "key"})
_LOGGERS = frozenset({"logger", "logging", "warnings"})
# `Text(en, pt)` brings its translation, and the first of `Words(...)` is for the documentation.
_SAID_IN = {"Text": slice(1), "Words": slice(1, None)}
_WORD_CLASSES = frozenset({"TextChoices", "StrEnum"})
_PLACE = re.compile(r"\{\w+\}")
_TWO_WORDS = re.compile(r"(?:[A-Za-z]{2,}|\bA)\W*\s+(?:\W*\w+\W*\s+)*?\W*[A-Za-z]|\d+ [a-z]{3,}")
_WORD = re.compile(r"(?<![\w/.:=&?#-])[A-Za-z]{3,}(?![\w/=])")
_LABEL = re.compile(r"[A-Z][a-z]+")
_CODE = re.compile(r"\n|</|/>|%\(?[a-z]|\.\*|\w\|\w|\{\d")


def sentences() -> Iterator[tuple[str, str, int]]:
    """msgid, file (from the root of the repository) and line of everything that may reach a page."""
    for path in sources():
        relative = path.relative_to(ROOT).as_posix()
        for msgid, line in sentences_of(path.read_text()):
            if relative.startswith(_LABELS_IN) or not _LABEL.fullmatch(msgid):
                yield msgid, relative, line
    for line, msgid in _lines(COMPOSED):
        yield msgid, COMPOSED.relative_to(ROOT).as_posix(), line


def composed() -> list[str]:
    """What is put together as it runs, of words from several places."""
    return [msgid for _, msgid in _lines(COMPOSED)]


def not_shown() -> list[str]:
    """What looks like words for people and is none."""
    return [msgid for _, msgid in _lines(NOT_SHOWN)]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """One msgid a line; those with # are comments."""
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if line and not line.startswith("#"):
            yield number, line


def sources() -> Iterator[Path]:
    """The modules whose words may reach a page."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not any(part in name for part in EXCLUDED):
                yield path


def sentences_of(source: str) -> Iterator[tuple[str, int]]:
    """The msgids in one module, with their lines."""
    tree = ast.parse(source)
    return _below(tree, ends_in(tree, {}))


def _below(node: ast.AST, ends: Ends) -> Iterator[tuple[str, int]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        ends = {**ends, **ends_in(node, ends)}
    if isinstance(node, ast.ClassDef) and not _WORD_CLASSES.isdisjoint(map(_name, node.bases)):
        yield from _values_of(node)
        return
    if isinstance(node, ast.AugAssign) and is_text(node.value):
        node = ast.BinOp(node.target, node.op, node.value, lineno=node.lineno)
    if isinstance(node, ast.expr) and is_text(node):
        # What follows "; " or the end of a sentence is looked up alone.
        for msgid in (text.strip(" ;") for text in msgids_of(node, ends)):
            if is_for_people(msgid):
                yield msgid, node.lineno
        for part in filled_in(node, ends):
            yield from _below(part, ends)
        return
    for child in _parts(node):
        yield from _below(child, ends)


def _values_of(words: ast.ClassDef) -> Iterator[tuple[str, int]]:
    """States, roles and the like are shown by their values."""
    for node in words.body:
        match node:
            case ast.Assign(value=ast.Constant(value=str(word))):
                yield word, node.lineno


def is_for_people(text: str) -> bool:
    """Whether a text can be words for people: two words, or one beside what is filled in, or a label."""
    if _CODE.search(text) or text.startswith((",", ":", "(")):
        return False
    words = _PLACE.sub("\0", text)
    if words != text:
        return bool(_WORD.search(words)) and len(re.sub(r"[^A-Za-z]", "", words)) > 3 and " " in text
    return bool(_TWO_WORDS.search(text)) or bool(_LABEL.fullmatch(text))


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """What is below a node and may hold words for people."""
    match node:
        case _ if _is_for_programs(node):
            return
        case ast.Call():
            yield from _parts_of_call(node)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from (one for one in (*node.args.defaults, *node.args.kw_defaults) if one)
            yield from node.body
        case ast.ClassDef():
            yield from node.body
        case ast.AnnAssign(value=value):
            yield from (value,) if value else ()
        case ast.Dict():
            yield from node.values
        case ast.Subscript(value=value):
            yield value
        case _:
            yield from ast.iter_child_nodes(node)


def _is_for_programs(node: ast.AST) -> bool:
    match node:
        case ast.Raise(exc=ast.Call(func=function)):
            return _BUILTIN_ERRORS.fullmatch(_name(function)) is not None
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name == "__all__"
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name in {"Meta", "__str__", "__repr__"}
        case ast.Expr(value=ast.Constant()):  # a docstring
            return True
        case _:
            return isinstance(node, ast.Assert | ast.Compare | ast.pattern)


def _parts_of_call(call: ast.Call) -> Iterator[ast.expr]:
    name, owner = _name(call.func), _name(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    if name in _NOT_OURS or owner in _LOGGERS:
        return
    yield call.func
    yield from call.args[_SAID_IN.get(name, slice(None))]
    yield from (one.value for one in call.keywords if one.arg not in _FOR_PROGRAMS)


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


if __name__ == "__main__":
    for msgid, path, line in sentences():
        print(f"{path}:{line}: {msgid!r}")
