"""No link of the documents leads nowhere, and no document is left out of the index."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(DOCS.rglob("*.md")),
    *sorted((ROOT / "k8s" / "local").glob("**/README.md")),
)
CODE_FOLDERS = ("dashboard", "deployments", "k8s", "teams", "templates", "tests", "timoneiro")
CODE = re.compile(r"^(`{3,}).*?^\1$|^(?: {4}|\t).*?$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
NAMED = re.compile(r"`([\w*./-]+(?:/|\.(?:py|md|html|ya?ml|json|in|js)))`")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


def prose(page: Path) -> str:
    """Without blocks of code, in which brackets and # mean something else."""
    return CODE.sub("", page.read_text())


def links_of(page: Path) -> list[str]:
    """Where it leads within the repository, images among them."""
    found = LINK.findall(SPAN.sub("", prose(page)))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors_of(page: Path) -> set[str]:
    """What GitHub calls its headings."""
    found: set[str] = set()
    for heading in HEADING.findall(prose(page)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        again = sum(1 for one in found if re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", one))
        found.add(f"{anchor}-{again}" if again else anchor)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    broken = []
    for link in links_of(page):
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        is_ours = target.is_relative_to(ROOT) and target.exists()
        if not is_ours or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    assert not broken


def test_the_index_has_every_page_of_the_docs() -> None:
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in links_of(DOCS / "README.md")}
    assert {page for page in DOCS.rglob("*.md") if page.name != "README.md"} <= linked


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_what_is_named_of_the_code_is_there(page: str) -> None:
    said = set(NAMED.findall((ROOT / page).read_text()))
    there = {path.name for folder in CODE_FOLDERS for path in (ROOT / folder).rglob("*")}
    missing = [
        name
        for name in sorted(said)
        # Beside another of its row a file is called by its name alone; NAME and TAG stand for any.
        if not any(ROOT.glob(name.rstrip("/"))) and name not in there and "NAME" not in name
    ]
    assert not missing


def test_every_picture_is_shown_somewhere() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES for link in links_of(page)}
    assert set((DOCS / "images").iterdir()) <= shown
