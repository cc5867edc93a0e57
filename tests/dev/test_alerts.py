"""Prometheus takes the rules of the alerts; they are about metrics that there are, and fire in time."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboard.settings.environment import ROOT

FILE = ROOT / "k8s" / "install" / "prometheus" / "alerts.yaml"
# Values a minute apart, and the alerts that fire at last.
WELL = {
    'timoneiro_deployments{state="running"}': "3x30",
    "timoneiro_sweep_seconds": "5x30",
    "timoneiro_unwritten_seconds": "0x30",
    'timoneiro_cluster_stale{cluster="a"}': "0x30",
    'timoneiro_cluster_measured_seconds{cluster="a"}': "30x30",
    'timoneiro_queue_tasks{queue="upkeep"}': "7x30",
    'timoneiro_http_request_seconds_count{status="200",route="deployments",method="GET"}': "0+60x30",
    'timoneiro_http_request_seconds_count{status="500",route="deployments",method="GET"}': "0+0x30",
    'timoneiro_http_request_seconds_bucket{le="0.5",route="deployments",method="GET"}': "0+60x30",
    'timoneiro_http_request_seconds_bucket{le="5",route="deployments",method="GET"}': "0+60x30",
    'timoneiro_http_request_seconds_bucket{le="+Inf",route="deployments",method="GET"}': "0+60x30",
    'timoneiro_reconcile_seconds_count{outcome="applied"}': "0+10x30",
    'timoneiro_reconcile_seconds_count{outcome="postponed"}': "0+1x30",
}
ILL = {
    "timoneiro_sweep_seconds": ("600x30", "TimoneiroSweepMissing", {}),
    "timoneiro_unwritten_seconds": ("300x30", "TimoneiroWishesWait", {}),
    'timoneiro_cluster_stale{cluster="a"}': ("1x30", "TimoneiroClusterStale", {"cluster": "a"}),
    'timoneiro_cluster_measured_seconds{cluster="a"}': (
        "3600x30",
        "TimoneiroClusterNotMeasured",
        {"cluster": "a"},
    ),
    'timoneiro_queue_tasks{queue="upkeep"}': ("999x30", "TimoneiroQueueGrows", {"queue": "upkeep"}),
    'timoneiro_http_request_seconds_count{status="500",route="deployments",method="GET"}': (
        "0+6x30",
        "TimoneiroErrors",
        {},
    ),
    'timoneiro_http_request_seconds_bucket{le="0.5",route="deployments",method="GET"}': (
        "0+6x30",
        "TimoneiroSlow",
        {},
    ),
    'timoneiro_reconcile_seconds_count{outcome="postponed"}': ("0+99x30", "TimoneiroWritesPostponed", {}),
}


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(FILE.read_text())["spec"]["groups"][0]["rules"]
    return found


def promtool(folder: Path, *arguments: str, annotated: bool = True) -> str:
    """Runs it in `folder`, where the rules are a file of their own; their words can be left out."""
    program = shutil.which("promtool")
    if program is None:
        pytest.fail("promtool is needed (Debian: apt-get install prometheus)")
    plain = yaml.safe_load(FILE.read_text())["spec"]
    if not annotated:
        for rule in plain["groups"][0]["rules"]:
            del rule["annotations"]
    (folder / "rules.yaml").write_text(yaml.safe_dump(plain))
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_the_rules(tmp_path: Path, rules: list[dict[str, Any]]) -> None:
    assert f"{len(rules)} rules found" in promtool(tmp_path, "check", "rules", "rules.yaml")


def test_each_alert_fires_when_it_should_and_none_when_all_is_well(
    tmp_path: Path, rules: list[dict[str, Any]]
) -> None:
    severity = {rule["alert"]: rule["labels"]["severity"] for rule in rules}
    cases = [case(WELL, firing={})]
    for series, (values, alert, labels) in ILL.items():
        cases.append(case({**WELL, series: values}, firing={alert: labels}))
    gone = {
        name: values for name, values in WELL.items() if "deployments{" not in name and "sweep" not in name
    }
    cases.append(case(gone, firing={"TimoneiroDown": {}}))
    # Redis knows of no sweep, and the web processes are there.
    cases.append(
        case(
            {name: values for name, values in WELL.items() if "sweep" not in name},
            {"TimoneiroSweepMissing": {}},
        )
    )
    for one in cases:
        for test in one["alert_rule_test"]:
            for expected in test["exp_alerts"]:
                expected["exp_labels"]["severity"] = severity[test["alertname"]]
    assert {
        test["alertname"] for one in cases for test in one["alert_rule_test"] if test["exp_alerts"]
    } == set(severity)
    (tmp_path / "cases.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": cases}))
    promtool(tmp_path, "test", "rules", "cases.yaml", annotated=False)


def case(series: dict[str, str], firing: dict[str, dict[str, str]]) -> dict[str, Any]:
    """After half an hour of these values exactly `firing` fires, of the alerts that could."""
    names = [rule["alert"] for rule in yaml.safe_load(FILE.read_text())["spec"]["groups"][0]["rules"]]
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {
                "eval_time": "29m",
                "alertname": name,
                "exp_alerts": [{"exp_labels": dict(firing[name])}] if name in firing else [],
            }
            for name in names
        ],
    }


def test_every_metric_of_the_alerts_is_documented(rules: list[dict[str, Any]]) -> None:
    documented = set(re.findall(r"`(timoneiro_\w+)`", (ROOT / "docs" / "metrics.md").read_text()))
    asked = {name for rule in rules for name in re.findall(r"timoneiro_\w+", rule["expr"])}
    assert {re.sub(r"_(count|sum|bucket)$", "", name) for name in asked} <= documented


def test_every_alert_says_what_to_do_in_the_handbook(rules: list[dict[str, Any]]) -> None:
    handbook = (ROOT / "docs" / "operations.md").read_text()
    for rule in rules:
        assert f"`{rule['alert']}`" in handbook
        assert rule["annotations"]["runbook"].startswith("docs/operations.md")
