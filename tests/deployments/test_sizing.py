"""What a replica would do with, by what its like used."""

import msgspec
import pytest

from deployments import sizing
from deployments.sizing import Evidence, resized, suggest, why_not_now
from k8s.quantities import bytes_, millicores
from k8s.spec import Autoscaling, Resources

GIB, MIB = 2**30, 2**20
LARGE = Resources(cpu="1", cpu_limit="2", memory="2Gi", memory_limit="4Gi")
WEEK = Evidence(hours=168, cpu_p95=203, memory_max=300 * MIB, cpu_peak=600)


def test_cpu_is_the_95th_percentile_and_memory_the_most_and_15_percent() -> None:
    found = suggest(LARGE, None, WEEK)
    assert (found.cpu, found.memory, found.reason) == (210, 352 * MIB, "")


@pytest.mark.parametrize(("hours", "words"), [(14, "14 hours of data, 24 are needed."), (1, "1 hour of")])
def test_too_little_data_is_said(hours: int, words: str) -> None:
    found = suggest(LARGE, None, Evidence(hours=hours, cpu_p95=100, memory_max=MIB))
    assert found.reason.startswith(words)
    assert (found.cpu, found.memory) == (None, None)


def test_nothing_measured_is_too_little_too() -> None:
    assert suggest(LARGE, None, Evidence()).reason == "Less than an hour of data, 24 are needed."


def test_what_fits_within_ten_percent_is_left_alone() -> None:
    near = Evidence(hours=168, cpu_p95=910, memory_max=1700 * MIB)
    found = suggest(LARGE, None, near)
    assert (found.cpu, found.memory, "fit" in found.reason) == (None, None, True)


def test_one_that_fits_stays_while_the_other_changes() -> None:
    found = suggest(LARGE, None, Evidence(hours=168, cpu_p95=950, memory_max=100 * MIB))
    assert (found.cpu, found.memory) == (1000, 128 * MIB)


def test_too_small_a_request_is_raised() -> None:
    found = suggest(Resources(), None, Evidence(hours=168, cpu_p95=450, memory_max=230 * MIB))
    assert (found.cpu, found.memory) == (450, 272 * MIB)


def test_nothing_is_shrunk_below_what_a_server_needs_to_start() -> None:
    idle = Evidence(hours=168, cpu_p95=1, memory_max=3 * MIB)
    found = suggest(LARGE, None, idle)
    assert (found.cpu, found.memory) == (25, 64 * MIB)


def test_a_floor_raises_nothing() -> None:
    tiny = Resources(cpu="10m", memory="32Mi")
    assert "fit" in suggest(tiny, None, Evidence(hours=168, cpu_p95=1, memory_max=3 * MIB)).reason


def test_memory_is_not_lowered_after_a_replica_ran_out_of_it() -> None:
    seen = Evidence(hours=168, cpu_p95=203, memory_max=300 * MIB, ran_out_of_memory=True)
    found = suggest(LARGE, None, seen)
    assert (found.cpu, found.memory) == (210, 2 * GIB)
    busy = Evidence(hours=168, cpu_p95=1000, memory_max=300 * MIB, ran_out_of_memory=True)
    assert "ran out of memory" in suggest(LARGE, None, busy).reason


def test_after_running_out_memory_may_still_be_raised() -> None:
    seen = Evidence(hours=168, cpu_p95=100, memory_max=250 * MIB, ran_out_of_memory=True)
    assert suggest(Resources(), None, seen).memory == 288 * MIB


def test_an_autoscaled_replica_gets_what_makes_its_use_the_target() -> None:
    scaled = Autoscaling(min_replicas=2, max_replicas=10, target_cpu_percent=70)
    found = suggest(LARGE, scaled, WEEK)
    # 203 is 70 % of 290.
    assert found.cpu == 290
    at_target = Evidence(hours=168, cpu_p95=690, memory_max=1750 * MIB, cpu_peak=2000)
    assert "fit" in suggest(LARGE, scaled, at_target).reason


def test_the_most_replicas_of_an_autoscaler_still_carry_the_busiest_minute() -> None:
    scaled = Autoscaling(min_replicas=1, max_replicas=2, target_cpu_percent=50)
    seen = Evidence(hours=168, cpu_p95=50, memory_max=300 * MIB, cpu_peak=600)
    found = suggest(LARGE, scaled, seen)
    assert found.cpu is not None
    assert found.cpu * 2 * 50 // 100 >= 600


def test_memory_of_an_autoscaler_by_memory_keeps_its_target() -> None:
    scaled = Autoscaling(max_replicas=4, target_memory_percent=50)
    assert suggest(LARGE, scaled, WEEK).memory == 608 * MIB


def test_limits_go_with_the_requests() -> None:
    new = resized(LARGE, cpu=210, memory=352 * MIB)
    # CPU's is kept, memory's keeps its proportion of two.
    assert (new.cpu, new.cpu_limit, new.memory, new.memory_limit) == ("210m", "2", "352Mi", "704Mi")
    raised = resized(Resources(), cpu=800, memory=400 * MIB)
    assert (raised.cpu_limit, raised.memory_limit) == ("800m", "400Mi")
    half = resized(LARGE, cpu=210, memory=2 * GIB)
    assert (half.memory, half.memory_limit) == ("2Gi", "4Gi")


@pytest.mark.parametrize("memory", [64 * MIB, 352 * MIB, 1088 * MIB, 5 * GIB, 9 * GIB])
@pytest.mark.parametrize("current", [LARGE, Resources(), Resources(memory="1000M", memory_limit="1000M")])
def test_a_limit_is_never_below_its_request(memory: int, current: Resources) -> None:
    new = resized(current, cpu=300, memory=memory)
    assert bytes_(new.memory_limit) >= bytes_(new.memory) == memory
    assert millicores(new.cpu_limit) >= millicores(new.cpu)


def test_gpus_are_never_touched() -> None:
    with_gpu = msgspec.structs.replace(LARGE, gpu=2)
    assert resized(with_gpu, cpu=210, memory=352 * MIB).gpu == 2


def test_figures_are_written_as_people_write_them() -> None:
    assert [sizing.written_memory(value) for value in (2 * GIB, 208 * MIB, 1000)] == ["2Gi", "208Mi", "1000"]


def test_its_state_may_make_a_suggestion_pointless() -> None:
    assert "paused" in why_not_now(state="paused", paused=True)
    assert "trouble" in why_not_now(state="failed", paused=False)
    assert why_not_now(state="running", paused=False) == ""
