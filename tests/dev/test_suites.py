"""`./dev test` says at its very end what failed, and takes no run without tests for a good one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devtools.suites import NO_TESTS_COLLECTED, ROOT, Result
from devtools.suites import pytest as run_pytest

TESTS = """
import pytest

def test_that_passes():
    pass

def test_that_fails():
    assert 1 + 1 == 3, "one and one"

@pytest.fixture
def broken():
    raise LookupError("no such thing")

def test_that_cannot_begin(broken):
    pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Tests of another project, which are told to the same reporter."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_configure as pytest_configure\n")
    (tmp_path / "test_some.py").write_text(TESTS)
    return tmp_path


def test_each_test_that_failed_is_named_with_what_it_said(folder: Path) -> None:
    (folder / "test_other.py").write_text("import nothing_of_that_name\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "dashboard.settings.test"}
    options = ["-p", "no:randomly", "--rootdir", str(folder), "--continue-on-collection-errors"]
    result = run_pytest("some", ["-n", "1", *options, str(folder)], environment)
    assert not result.passed
    assert result.lines[0].startswith("FAILED  some  ")
    assert sorted(result.lines[1:]) == [
        "    test_other.py  E   ModuleNotFoundError: No module named 'nothing_of_that_name'",
        "    test_some.py::test_that_cannot_begin  LookupError: no such thing",
        "    test_some.py::test_that_fails  AssertionError: one and one",
    ]


def test_a_path_that_is_not_there_fails_and_says_so() -> None:
    """In processes of pytest-xdist, too, where pytest itself says nothing."""
    command = [sys.executable, "-m", "devtools.suites", "-n", "1", "tests/there_is_no_such_test.py"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    (last,) = ran.stdout.strip().splitlines()[-1:]
    assert last.startswith("FAILED  pytest  ")
    assert "no test was found: a path that is not there" in last


def test_a_run_without_tests_is_no_good_one() -> None:
    assert not Result("some", NO_TESTS_COLLECTED, 1).passed
    assert Result("some", 0, 1).lines == ["passed  some  1 s"]
