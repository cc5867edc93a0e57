"""What Python says to people is found in its source, and found again when a page shows it."""

import re
import textwrap
from pathlib import Path

import pytest
from cronsim import explain

from devtools.sentences import EXCLUDED, ROOMS, ROOT, composed, not_shown, sentences, sentences_of


def found_in(source: str) -> list[str]:
    return [msgid for msgid, _ in sentences_of(textwrap.dedent(source))]


@pytest.mark.parametrize(
    ("expression", "msgids"),
    [
        ('"At most this."', ["At most this."]),
        ('"Joined " "to one."', ["Joined to one."]),
        ('f"At most {MAX_NAME_LENGTH} characters."', ["At most {max_name_length} characters."]),
        ('f"Team {team.name} has {self._left:.1f} left."', ["Team {name} has {left} left."]),
        ('f"{a.name} and {b.name}, {a.name} first"', ["{name} and {name_2}, {name} first"]),
        ("f\"Choose one of: {', '.join(options)}.\"", ["Choose one of: {options}."]),
        ('f"{len(pods)} pods wait"', ["{pods} pods wait"]),
        ("f\"{values['port']} is taken\"", ["{port} is taken"]),
        ('f"{a + 1} is too much"', ["{a} is too much"]),
        ('f"{[]} is empty"', ["{value} is empty"]),
        ('"Not %s but %d %%." % (name, count)', ["Not {name} but {count} %."]),
        ('"Only %(who)s may." % names', ["Only {who} may."]),
        ('"From {} to {last}.".format(first, last=9)', ["From {first} to {last}."]),
        ('"Kept as {it} is."', ["Kept as {it} is."]),
        ('"Choose from " + options + "."', ["Choose from {options}."]),
        ('f"{what}: not now.".rstrip(".")', ["{what}: not now."]),
        ('("One thing" if one else f"{count} things")', ["One thing", "{count} things"]),
    ],
)
def test_text_becomes_messages_with_named_places(expression: str, msgids: list[str]) -> None:
    assert found_in(f"x = {expression}") == msgids


@pytest.mark.parametrize(
    ("expression", "msgids"),
    [
        ("f\"{n} pod{'s' if n != 1 else ''} left\"", ["{n} pods left", "{n} pod left"]),
        ("f\"{n} pod{'s' * (n != 1)} left\"", ["{n} pods left", "{n} pod left"]),
        ("f\"on port {port or 'of the version'}\"", ["on port {port}", "on port of the version"]),
        ("f\"It stops{f' after {n} s' if n else ''}.\"", ["It stops after {n} s.", "It stops."]),
    ],
)
def test_each_choice_is_a_message(expression: str, msgids: list[str]) -> None:
    assert found_in(f"x = {expression}") == msgids


def test_what_may_be_left_out_is_said_with_it_and_without() -> None:
    source = """
        def scaled(row):
            later = "; on resume" if row.paused else ""
            return f"Scaled to {row.count}{later}{_because(row)}"

        def _because(row):
            if row.reason:
                return f": {row.reason} was too high"
            return ""
    """
    assert set(found_in(source)) == {
        "on resume",
        "Scaled to {count}",
        "Scaled to {count}; on resume",
        "Scaled to {count}: {reason} was too high",
        "Scaled to {count}; on resume: {reason} was too high",
    }


def test_what_is_added_is_said_with_what_was_there() -> None:
    assert found_in('def f(names):\n    names += " and others"') == ["{names} and others"]


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring of the module."""',
        'def f():\n    """What it does for you."""',
        'class A:\n    x = 1\n    """What it is."""',
        'class A:\n    def __str__(self):\n        return f"{self.name} of {self.team}s"',
        'logger.warning("not good: %s", error)',
        'raise ValueError("This is for programmers.")',
        'assert fine, "This is for programmers."',
        'x = re.compile("one or two")',
        'field(help="What it is for.")',
        '{"the key": 1}',
        'x == "the other"',
        'x["the key"]',
        'x: Literal["one or", "the other"]',
        '__all__ = ["Name"]',
        'x = "deployment"',
        'x = "max_surge"',
        'x = f"resources.{name}"',
        'x = f"{a}: {b}"',
        'x = f"/api/{name}/more of it"',
        'x = "SELECT a\\nFROM b"',
        "x = \"<b class='one'>one two</b>\"",
        'x = _("Babel reads this")',
        'x = "%(method)s in %(ms)s ms"',
    ],
)
def test_what_programs_read_is_not_found(source: str) -> None:
    assert found_in(source) == []


def test_words_of_a_choice_are_found_by_their_values() -> None:
    assert found_in('class State(models.TextChoices):\n    """What is it?"""\n    UP = "up"') == ["up"]


def test_a_label_may_be_one_word() -> None:
    assert found_in('TITLES = {"name": "Name"}') == ["Name"]


def test_of_two_languages_the_first_is_found() -> None:
    assert found_in('Words("told from this", Text("Read it.", "Leia isto."))') == ["Read it."]


def test_all_of_the_product_is_read() -> None:
    places = {path.split("/")[0] for _, path, _ in sentences()}
    assert {"dashboard", "deployments", "k8s", "teams", "locale"} <= places


def test_what_is_not_shown_is_still_there() -> None:
    lines = not_shown()
    assert lines == sorted(lines)
    assert set(lines) <= {msgid for msgid, _, _ in sentences()}


def test_what_is_left_out_is_there() -> None:
    modules = [path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*")]
    assert [part for part in EXCLUDED if not any(part in module for module in modules)] == []


def test_words_that_are_put_together_are_still_said() -> None:
    modules = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    source = "".join(path.read_text() for path in (*modules, Path(explain.__file__))).lower()
    known = set(re.findall(r"[a-z]+", source.replace("_", " ")))
    for msgid in composed():
        assert set(re.findall(r"[a-z]+", re.sub(r"\{\w+\}", "", msgid).lower())) <= known, msgid
    assert len(composed()) == len(set(composed()))
