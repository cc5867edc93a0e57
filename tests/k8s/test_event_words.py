"""Every reason that a cluster gives for what it does is told in plain words, in both languages."""

import json
import re
from pathlib import Path

import pytest

from k8s.event_words import WORDS, words_of

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "kubernetes"
SAID = re.compile(r'"(?:Normal|Warning)",\s*"([A-Z][A-Za-z]+)"')


def reasons_of_the_local_cluster() -> set[str]:
    sources = (ROOT / "k8s" / "local").rglob("*.py")
    return {reason for source in sources for reason in SAID.findall(source.read_text())}


def recorded_reasons() -> set[str]:
    recorded = json.loads((FIXTURES / "bad_events_v1.json").read_text())
    return {item["reason"] for item in recorded["items"]}


def test_there_is_something_to_hold_it_against() -> None:
    assert len(reasons_of_the_local_cluster()) > 10
    assert len(recorded_reasons()) > 3


@pytest.mark.parametrize("reason", sorted(reasons_of_the_local_cluster() | recorded_reasons()))
def test_a_reason_has_words(reason: str) -> None:
    assert words_of(reason), reason


def test_words_are_short_and_differ_by_language() -> None:
    for reason, words in WORDS.items():
        assert 0 < len(words.en) <= 90, reason
        assert 0 < len(words.pt) <= 100, reason
        assert words.en != words.pt, reason
        assert not (words.en + words.pt).endswith("."), reason


def test_a_reason_nobody_knows_has_none() -> None:
    assert words_of("Whatever") is None
