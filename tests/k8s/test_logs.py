"""Times of log lines, as nodes write them."""

import pytest

from k8s.logs import stamped


@pytest.mark.parametrize(
    ("line", "at", "text"),
    [
        ("2026-01-01T00:00:00.123456789Z words", "2026-01-01T00:00:00.123456789Z", "words"),
        ("2026-01-01T00:00:00.12Z words", "2026-01-01T00:00:00.120000000Z", "words"),
        ("2026-01-01T00:00:00Z words", "2026-01-01T00:00:00.000000000Z", "words"),
        ("2026-01-01T01:00:00.123456789+01:00 words", "2026-01-01T00:00:00.123456789Z", "words"),
        ("2025-12-31T19:00:00.5-05:00 words", "2026-01-01T00:00:00.500000000Z", "words"),
        ("2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.123456789Z", ""),
        ("a piece of a longer line", "", "a piece of a longer line"),
        ("2026-01-01 is a day", "", "2026-01-01 is a day"),
        ("", "", ""),
    ],
)
def test_times_compare_as_text_wherever_the_node_is(line: str, at: str, text: str) -> None:
    assert stamped(line) == (at, text)
