"""From an expression of Python to the msgids that its text can be: `f"At most {LONGEST} characters."` is
`At most {longest} characters.`

What is filled in becomes a named place. What is chosen between two literals (`{'s' if n != 1 else ''}`) is
not filled in: each choice is a msgid of its own, since other languages change more than the ending.
"""

import ast
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

Piece = str | ast.expr
"""A part of a text: words, or the expression that is filled in."""
Form = tuple[Piece, ...]
Ends = Mapping[str, list[Form]]
"""What a name can be that is "" or the end of a text, "later" as well as "because()": each is a form."""

MOST_FORMS = 24
_PERCENT = re.compile(r"%(?:\((?P<name>\w+)\))?[-#0 +]*\d*(?:\.\d+)?(?P<kind>[a-zA-Z%])")
_BRACES = re.compile(r"\{(?P<name>\w*)(?:![rsa])?(?::[^{}]*)?\}")
# These give their argument as words: it says better what is filled in than their own names.
_TRANSPARENT = frozenset(
    {"len", "str", "int", "round", "sorted", "repr", "max", "min", "sum", "join", "format"}
)
# What they give is the same text but for its ends.
_TRIMMING = frozenset({"strip", "rstrip", "lstrip"})


def msgids_of(node: ast.expr, ends: Ends) -> list[str]:
    """Each text that an expression can be, with named places."""
    return list(dict.fromkeys(_named(form) for form in forms_of(node, ends)))


def is_text(node: ast.expr) -> bool:
    """Whether an expression puts a text together out of literals."""
    match node:
        case ast.JoinedStr():
            return True
        case ast.Constant():
            return isinstance(node.value, str)
        case ast.BinOp(op=ast.Add()):
            return any(is_text(side) or _is_choice(side) for side in (node.left, node.right))
        case ast.BinOp(op=ast.Mod()):
            return is_text(node.left)
        case ast.Call(func=ast.Attribute(attr=attr, value=inner)):
            return (attr in _TRIMMING or attr == "format") and is_text(inner)
        case _:
            return False


def _is_choice(node: ast.expr) -> bool:
    return isinstance(node, ast.IfExp) and (is_text(node.body) or is_text(node.orelse))


def filled_in(node: ast.expr, ends: Ends) -> Iterator[ast.expr]:
    """The expressions inside that are no words of the text: they may hold texts of their own."""
    seen: set[int] = set()
    for form in forms_of(node, ends):
        for piece in form:
            if not isinstance(piece, str) and id(piece) not in seen:
                seen.add(id(piece))
                yield piece


def forms_of(node: ast.expr, ends: Ends) -> list[Form]:
    """Each way a text can come out, its choices made."""
    match node:
        case ast.Constant(value=str(text)):
            return [(text,)]
        case ast.JoinedStr():
            return _one_after_the_other(node.values, ends)
        case ast.FormattedValue():
            return _chosen(node.value, ends)
        case ast.BinOp(op=ast.Add()) if is_text(node):
            return _one_after_the_other((node.left, node.right), ends)
        case ast.BinOp(op=ast.Mod()) if is_text(node.left):
            return [_of_percents(form, node.right) for form in forms_of(node.left, ends)]
        case ast.Call(func=ast.Attribute(attr="format", value=text)) if is_text(text):
            return [_of_braces(form, node) for form in forms_of(text, ends)]
        case ast.Call(func=ast.Attribute(value=text)) if is_text(node):
            return forms_of(text, ends)
        case _:
            return _chosen(node, ends)


def _chosen(node: ast.expr, ends: Ends) -> list[Form]:
    """What stands in a text between its words: a choice of words, or a value."""
    match node:
        case ast.IfExp():
            return _either((node.body, node.orelse), ends) or [(node,)]
        case ast.BoolOp(op=ast.Or()):
            return _either(node.values, ends) or [(node,)]
        case ast.BinOp(op=ast.Mult(), left=ast.Constant(value=str(text)), right=ast.Compare()):
            return [(text,), ("",)]
        case ast.Name(id=name) if name in ends:
            return ends[name]
        case ast.Call(func=ast.Name(id=name)) if f"{name}()" in ends:
            return ends[f"{name}()"]
        case _ if is_text(node):
            return forms_of(node, ends)
        case _:
            return [(node,)]


def _either(choices: Iterable[ast.expr], ends: Ends) -> list[Form]:
    """The forms of all choices; none when no choice is made of words."""
    found = [form for choice in choices for form in _chosen(choice, ends)]
    return found if any(isinstance(piece, str) for form in found for piece in form) else []


def _one_after_the_other(parts: Iterable[ast.expr], ends: Ends) -> list[Form]:
    choices = [forms_of(part, ends) for part in parts]
    several = itertools.islice(itertools.product(*choices), MOST_FORMS)
    return [tuple(itertools.chain.from_iterable(form)) for form in several]


def _of_percents(form: Form, right: ast.expr) -> Form:
    given = iter(right.elts if isinstance(right, ast.Tuple) else [right])

    def piece_for(found: re.Match[str]) -> Piece:
        if found["kind"] == "%":
            return "%"
        return ast.Name(found["name"]) if found["name"] else next(given, ast.Name("value"))

    return _with_places(form, _PERCENT, piece_for)


def _of_braces(form: Form, call: ast.Call) -> Form:
    given = iter(call.args)

    def piece_for(found: re.Match[str]) -> Piece:
        named = found["name"] and not found["name"].isdigit()
        return ast.Name(found["name"]) if named else next(given, ast.Name("value"))

    return _with_places(form, _BRACES, piece_for)


def _with_places(form: Form, place: re.Pattern[str], piece_for: Callable[[re.Match[str]], Piece]) -> Form:
    """The form with what stands at each place that its texts have."""
    pieces: list[Piece] = []
    for piece in form:
        if not isinstance(piece, str):
            pieces.append(piece)
            continue
        end = 0
        for found in place.finditer(piece):
            pieces += [piece[end : found.start()], piece_for(found)]
            end = found.end()
        pieces.append(piece[end:])
    return tuple(pieces)


def _named(form: Form) -> str:
    """The pattern: places have the names of what is filled in, `name_2` where another has the same."""
    names: dict[str, str] = {}
    text = ""
    for piece in form:
        if isinstance(piece, str):
            text += piece
            continue
        key = ast.dump(piece)
        if key not in names:
            name = name_of(piece)
            same = sum(re.fullmatch(rf"{name}(_\d+)?", known) is not None for known in names.values())
            names[key] = f"{name}_{same + 1}" if same else name
        text += "{" + names[key] + "}"
    return text


def name_of(node: ast.expr) -> str:
    """The last name in an expression, in lower case; "value" where there is none."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.strip("_").lower() or "value"
        case ast.Subscript(slice=ast.Constant(value=str(key))) if key.isidentifier():
            return key.lower()
        case ast.Subscript(value=value) | ast.Await(value=value) | ast.FormattedValue(value=value):
            return name_of(value)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]) if (
            name in _TRANSPARENT
        ):
            return name_of(first)
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(key)), *_]) if (
            key.isidentifier()
        ):
            return key.lower()
        case ast.Call(func=function):
            return name_of(function)
        case (
            ast.IfExp(body=part) | ast.BinOp(left=part) | ast.GeneratorExp(elt=part) | ast.ListComp(elt=part)
        ):
            return name_of(part)
        case ast.BoolOp(values=[first, *_]):
            return name_of(first)
        case _:
            return "value"


def ends_in(tree: ast.AST, known: Ends) -> dict[str, list[Form]]:
    """The names below a node that stand for the end of a text, or for nothing at all."""
    found: dict[str, list[Form]] = {}
    for name, values in _values_in(tree).items():
        forms = [form for value in values for form in _chosen(value, known)]
        if _is_end(forms):
            found[name] = list(dict.fromkeys(forms))
    return found


def _is_end(forms: list[Form]) -> bool:
    if not forms or len(forms) > 6 or any(len(form) == 1 and not isinstance(form[0], str) for form in forms):
        return False
    return ("",) in forms or all(len(form) == 1 and len(str(form[0])) < 3 for form in forms)


def _values_in(tree: ast.AST) -> dict[str, list[ast.expr]]:
    """What each name is set to, and what each function gives back (as `name()`)."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[target]):
                for name, value in _assigned(target, node.value):
                    found.setdefault(name, []).append(value)
            case ast.AugAssign(target=ast.Name(id=name)):
                found.setdefault(name, []).append(node.target)
            case ast.FunctionDef() if node is not tree:
                returns = [one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value]
                found.setdefault(f"{node.name}()", []).extend(returns)
    return found


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match target, value:
        case ast.Name(id=name), _:
            yield name, value
        case ast.Tuple(elts=names), ast.Tuple(elts=values):
            for one, other in zip(names, values, strict=False):
                yield from _assigned(one, other)
