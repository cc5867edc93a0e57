"""A line of the log is one line, whoever wrote the words in it; and says what it was written for."""

import io
import json
import logging
import logging.config
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from dashboard.logs import JsonLines, Lines, log_config
from dashboard.settings.environment import ROOT
from deployments import tracing

FORGED = "house\n12:00:00 INFO deployments.intent admin deleted everything\x1b[2J\u2028more\x9b1m\u202e"
PATIENT = "0123456789abcdef-proxy"


class Written(io.StringIO):
    """What a logger of its own has written, in one of the two forms."""

    def __init__(self, form: logging.Formatter, level: int = logging.INFO) -> None:
        super().__init__()
        self.handler = logging.StreamHandler(self)
        self.handler.setFormatter(form)
        self.logger = logging.getLogger(f"tests.{id(self)}")
        self.logger.propagate = False
        self.logger.setLevel(level)
        self.logger.addHandler(self.handler)

    @property
    def lines(self) -> list[str]:
        return self.getvalue().splitlines()


def test_foreign_text_makes_no_second_line_for_people() -> None:
    written = Written(Lines())
    written.logger.warning("deployment %s refused", FORGED)
    (line,) = written.lines
    assert line.isprintable()
    assert "house\\n12:00:00 INFO" in line


def test_foreign_text_makes_no_second_line_of_json_and_comes_back_as_it_was() -> None:
    written = Written(JsonLines())
    written.logger.warning("deployment %s refused", FORGED, extra={"fields": {"path": FORGED}})
    (line,) = written.lines
    assert line.isascii()
    told = json.loads(line)
    assert (told["message"], told["path"]) == (f"deployment {FORGED} refused", FORGED)
    assert (told["level"], told["logger"]) == ("warning", written.logger.name)


@pytest.mark.parametrize("form", [Lines(), JsonLines()])
def test_no_line_of_a_traceback_passes_for_one_of_the_log(form: logging.Formatter) -> None:
    written = Written(form)
    try:
        raise ValueError(FORGED)
    except ValueError:
        written.logger.exception("it failed")
    assert "ValueError" in written.getvalue()
    first, *others = written.lines
    assert "it failed" in first
    assert all(line.startswith("  | ") and line.isprintable() for line in others)


def test_lines_carry_the_ids_that_they_are_written_for() -> None:
    for_people, for_programs = Written(Lines()), Written(JsonLines())
    with tracing.working_for(request_id=PATIENT), tracing.working_for(operation_id="o-1"):
        for_people.logger.info("applied")
        for_programs.logger.info("applied")
    for_people.logger.info("later")
    assert for_people.lines[0].endswith(f"applied [request={PATIENT} operation=o-1]")
    assert for_people.lines[1].endswith("later")
    told = json.loads(for_programs.lines[0])
    assert (told["request_id"], told["operation_id"]) == (PATIENT, "o-1")
    assert "task_id" not in told


@pytest.fixture
def told() -> Iterator[Written]:
    """What requests are said to have been, even those that only read."""
    log = logging.getLogger("dashboard.requests")
    written = Written(JsonLines())
    level = log.level
    log.addHandler(written.handler)
    log.setLevel(logging.DEBUG)
    yield written
    log.removeHandler(written.handler)
    log.setLevel(level)


def test_a_well_formed_id_of_a_proxy_is_taken_over_and_given_back(db: None, told: Written) -> None:
    answer = Client().get("/api/v1/me/", headers={"X-Request-ID": PATIENT})
    assert answer["X-Request-ID"] == answer.json()["request_id"] == PATIENT
    line = json.loads(told.lines[-1])
    assert (line["request_id"], line["path"], line["status"]) == (PATIENT, "/api/v1/me/", 401)


@pytest.mark.parametrize("sent", ["short", "x" * 41, "0123456789abcdef\x1b[2J", "0123456789abcdef {}", ""])
def test_another_id_is_not_taken_over(sent: str, db: None, told: Written) -> None:
    answer = Client().get("/api/v1/me/", headers={"X-Request-ID": sent})
    given = answer["X-Request-ID"]
    assert given != sent
    assert tracing.well_formed(given) == given == answer.json()["request_id"]


def test_the_page_of_our_own_mistake_names_the_request(db: None, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.dashboard.breaking"
    browser = Client(raise_request_exception=False)
    answer = browser.get("/", headers={"X-Request-ID": PATIENT})
    assert (answer.status_code, answer["X-Request-ID"]) == (500, PATIENT)
    assert PATIENT in answer.content.decode()


def test_what_changes_something_is_said_by_default_and_what_reads_is_not() -> None:
    quiet, loud = (log_config(level=level, format_name="human")["root"] for level in ("INFO", "DEBUG"))
    assert (quiet["level"], loud["level"]) == ("INFO", "DEBUG")


@pytest.mark.parametrize(("name", "is_json"), [("json", True), ("human", False)])
def test_the_form_is_chosen_by_a_setting_and_the_server_follows_it(name: str, is_json: bool) -> None:
    # As uvicorn does: its own configuration first, then the application is loaded.
    code = (
        "import logging, django; from uvicorn.config import Config; Config('x'); django.setup();"
        "logging.getLogger('uvicorn.error').warning('a line of the server')"
    )
    environment = {
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "dashboard.settings.test",
        "LOG_FORMAT": name,
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    (line,) = done.stderr.splitlines()
    assert line.startswith("{") is is_json
    assert "a line of the server" in line
