"""The image keeps its promises, as far as its text says; tests/e2e/test_installed.py runs what it holds."""

import json
import re
import subprocess

from tests.install.dockerfile import ROOT, read

ARGUMENTS, STAGES = read()
BUILD, FINAL = STAGES


def test_both_stages_begin_with_the_same_image_pinned_by_a_digest_argument() -> None:
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", ARGUMENTS["PYTHON_DIGEST"])
    pinned = f"python:{ARGUMENTS['PYTHON_TAG']}@{ARGUMENTS['PYTHON_DIGEST']}"
    assert (BUILD.base, FINAL.base) == (f"{pinned} AS build", pinned)


def test_it_runs_as_a_number_that_is_not_root() -> None:
    (user,) = FINAL.of("USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    after = [name for name, _ in FINAL.steps[[name for name, _ in FINAL.steps].index("USER") + 1 :]]
    assert "RUN" not in after


def test_it_says_whether_it_is_well() -> None:
    (check,) = FINAL.of("HEALTHCHECK")
    assert json.loads(check[check.index("[") :])[0] == "python"
    assert "/readyz" in check


def test_nothing_is_installed_without_its_hash_and_nothing_in_the_last_stage() -> None:
    installing = [text for text in BUILD.of("RUN") if "install" in text.split()]
    assert installing
    for text in installing:
        assert "--require-hashes" in text and "--only-binary :all:" in text
    assert not any("pip" in text or "apt" in text for text in FINAL.of("RUN"))


def test_it_writes_to_its_volume_and_to_tmp_alone() -> None:
    assert FINAL.of("VOLUME") == [FINAL.environment["DATA_DIR"]]
    assert FINAL.environment["HOME"] == "/tmp"  # noqa: S108
    assert FINAL.environment["PYTHONDONTWRITEBYTECODE"] == "1"


def test_all_that_is_copied_is_there_and_let_through() -> None:
    let_through = (ROOT / ".dockerignore").read_text().split()
    for text in BUILD.of("COPY"):
        source = text.split()[0]
        assert (ROOT / source).exists() and f"!{source}" in let_through, source


def test_no_secret_of_the_product_is_in_it() -> None:
    told = " ".join([*BUILD.of("ENV"), *FINAL.of("ENV")])
    assert not re.search(r"(SECRET|ENCRYPTION|PASSWORD|TOKEN)", told)


def test_it_is_built_from_what_is_committed() -> None:
    ignored = subprocess.run(
        ["git", "check-ignore", *(text.split()[0] for text in BUILD.of("COPY"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ignored.stdout == ""
