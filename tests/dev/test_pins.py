"""Requirements are pinned to one version and to hashes, and hold no addresses."""

import pytest

from devtools.pins import FILES, ROOT, problems_of

HASH = "--hash=sha256:" + "a" * 64


@pytest.mark.parametrize("name", FILES)
def test_ours_are(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "==" in text
    assert list(problems_of(text)) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("django==5.2 \\\n", "no hash"),
        (f"django>=5.2 \\\n    {HASH}\n", "one version"),
        (f"django \\\n    {HASH}\n", "one version"),
        ("django==5.2 \\\n    --hash=md5:abc\n", "SHA-256"),
        (f"django @ https://example.org/django.whl \\\n    {HASH}\n", "one version"),
        ("--index-url https://example.org/simple\n", "addresses"),
        ("-e .\n", "options"),
    ],
)
def test_what_is_not_is_told(text: str, word: str) -> None:
    (problem,) = problems_of(text)
    assert word in problem


def test_markers_extras_and_comments_are_understood() -> None:
    text = f'# made\na[b]==1.0 ; python_version < "3.13" \\\n    {HASH} \\\n    {HASH}\n    # via c\n'
    assert list(problems_of(text)) == []
