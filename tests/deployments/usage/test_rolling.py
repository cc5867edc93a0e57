"""Samples added up: always what recomputing from every single minute gives."""

import zoneinfo
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.models import Cluster, DaySample, MinuteSample, QuarterSample, RollUp, Series
from deployments.usage import rolling
from deployments.usage.minutes import DAY, QUARTER, minute_of, moment_of, step_of

SUMS = [
    "minutes",
    "used_minutes",
    "pods",
    "cpu_requested",
    "cpu_used",
    "cpu_charged",
    "memory_requested",
    "memory_used",
    "memory_charged",
    "gpu_requested",
]
PEAKS = ["cpu_peak", "memory_peak", "pod_cpu_peak", "pod_memory_peak"]
# Clocks go back, and forward, in the small hours of these days; the last day of a leap February.
TURNS = {
    "Europe/Lisbon": datetime(2026, 10, 25, tzinfo=UTC),
    "America/New_York": datetime(2026, 3, 8, tzinfo=UTC),
    "Pacific/Auckland": datetime(2026, 4, 4, tzinfo=UTC),
    "UTC": datetime(2028, 2, 29, tzinfo=UTC),
}

Figures = dict[tuple[int, int], dict[str, int | None]]


def recomputed(raw: Iterable[MinuteSample], minutes: int) -> Figures:
    """From every minute there ever was, in Python."""
    steps: dict[tuple[int, int], list[MinuteSample]] = defaultdict(list)
    for one in raw:
        steps[one.series_id, step_of(one.at, minutes)].append(one)
    return {
        key: {name: sum(getattr(one, name) for one in ones) for name in SUMS}
        | {
            name: max((v for one in ones if (v := getattr(one, name)) is not None), default=None)
            for name in PEAKS
        }
        for key, ones in steps.items()
    }


def stored(kind: type[QuarterSample] | type[DaySample]) -> Figures:
    names = (*SUMS, *PEAKS)
    return {
        (series, at): dict(zip(names, figures, strict=True))
        for series, at, *figures in kind.objects.values_list("series_id", "at", *names)
    }


@dataclass
class History:
    """All minutes that were ever sampled, whatever was forgotten of them since, and what time it is."""

    series: list[Series]
    now: datetime
    raw: list[MinuteSample] = field(default_factory=list)

    def sample(self, minutes: int, amount: int, known: bool) -> None:
        """So many minutes go by, each of them sampled."""
        made = []
        for _ in range(minutes):
            self.now += timedelta(minutes=1)
            for number, series in enumerate(self.series):
                made.append(self.minute(series, amount + number, known=known))
        MinuteSample.objects.bulk_create(made)
        self.raw += made

    def sample_late(self, minutes: int, amount: int) -> None:
        """A sample comes when its minute was added up already, without it."""
        self.now += timedelta(minutes=1)
        made = [self.minute(series, amount, known=True) for series in self.series]
        self.now += timedelta(minutes=minutes)
        self.roll_up()
        MinuteSample.objects.bulk_create(made)
        self.raw += made

    def minute(self, series: Series, amount: int, *, known: bool) -> MinuteSample:
        at = minute_of(self.now)
        worth = amount + at % 7
        used = worth * 3 if known else 0
        return MinuteSample(
            series=series,
            at=at,
            used_minutes=int(known),
            pods=worth % 5,
            cpu_requested=worth,
            cpu_used=used,
            cpu_charged=max(worth, used),
            memory_requested=worth << 20,
            memory_used=used << 20,
            memory_charged=max(worth, used) << 20,
            gpu_requested=worth % 3,
            cpu_peak=used if known else None,
            memory_peak=used << 20 if known else None,
            pod_cpu_peak=used // 2 if known else None,
            pod_memory_peak=used // 2 if known else None,
        )

    def roll_up(self) -> None:
        while rolling.roll_up(now=self.now):
            pass


# Nobody samples for some minutes, or days; work is done once, twice, or not for a long time; memory is
# cleared; a piece of a backlog is done and the rest is not.
STEP = st.one_of(
    st.tuples(st.just("sample"), st.integers(1, 40), st.integers(0, 10**6), st.booleans()),
    st.tuples(st.just("late"), st.integers(1, rolling.LATE_MINUTES), st.integers(0, 10**6)),
    st.tuples(st.just("gap"), st.integers(1, 3000)),
    st.tuples(st.sampled_from(("roll up", "once", "forget"))),
)


@pytest.mark.parametrize("zone", TURNS)
@given(steps=st.lists(STEP, min_size=1, max_size=14), offset=st.integers(-200, DAY))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sums_are_those_of_all_minutes_ever_sampled(
    cluster: Cluster, zone: str, steps: list[tuple[Any, ...]], offset: int
) -> None:
    for table in (MinuteSample, QuarterSample, DaySample, RollUp, Series):
        table.objects.all().delete()
    series = [Series.objects.create(cluster=cluster, kind="node", key=f"n{number}") for number in range(2)]
    history = History(series, TURNS[zone] + timedelta(minutes=offset))
    with timezone.override(zoneinfo.ZoneInfo(zone)):
        for word, *arguments in steps:
            if word == "sample":
                history.sample(*arguments)
            elif word == "late":
                history.sample_late(*arguments)
            elif word == "gap":
                history.now += timedelta(minutes=arguments[0])
            elif word == "roll up":
                history.roll_up()
            elif word == "once":
                rolling.roll_up(now=history.now)
            else:
                rolling.forget(now=history.now)
        history.now += timedelta(minutes=QUARTER + rolling.LATE_MINUTES)
        history.roll_up()
        history.roll_up()
    assert stored(QuarterSample) == recomputed(history.raw, QUARTER)
    assert stored(DaySample) == recomputed(history.raw, DAY)


@pytest.fixture
def history(cluster: Cluster) -> History:
    series = Series.objects.create(cluster=cluster, kind="cluster")
    return History([series], datetime(2026, 5, 1, 23, 50, tzinfo=UTC))


def test_the_quarter_and_the_day_that_are_now_grow(history: History) -> None:
    history.sample(4, 1, known=True)
    history.roll_up()
    assert QuarterSample.objects.get().minutes == 4
    history.sample(3, 1, known=True)
    history.roll_up()
    assert QuarterSample.objects.get().minutes == 7
    history.sample(20, 1, known=False)
    history.roll_up()
    assert list(QuarterSample.objects.order_by("at").values_list("minutes", "used_minutes")) == [
        (9, 7),
        (15, 0),
        (3, 0),
    ]
    assert list(DaySample.objects.order_by("at").values_list("minutes", flat=True)) == [9, 18]
    assert moment_of(DaySample.objects.latest("at").at) == datetime(2026, 5, 2, tzinfo=UTC)


def test_minutes_are_not_forgotten_before_they_are_added_up(history: History) -> None:
    history.sample(30, 1, known=True)
    history.now += timedelta(days=40)
    rolling.forget(now=history.now)
    assert MinuteSample.objects.count() == 30
    history.roll_up()
    rolling.forget(now=history.now)
    assert (MinuteSample.objects.count(), QuarterSample.objects.count()) == (0, 0)
    assert sum(DaySample.objects.values_list("minutes", flat=True)) == 30


def test_each_kind_is_kept_for_its_time(history: History) -> None:
    history.sample(DAY * 2, 1, known=True)
    history.roll_up()
    rolling.forget(now=history.now)
    assert MinuteSample.objects.earliest("at").at == minute_of(history.now) - rolling.MINUTES_FOR
    history.now += timedelta(days=31)
    history.roll_up()
    rolling.forget(now=history.now)
    assert MinuteSample.objects.count() == 0
    kept = QuarterSample.objects.earliest("at").at
    assert kept >= minute_of(history.now) - rolling.QUARTERS_FOR > kept - QUARTER
    history.now += timedelta(days=698)
    rolling.forget(now=history.now)
    assert DaySample.objects.count() == 1


def test_a_series_of_which_nothing_is_left_is_forgotten(history: History) -> None:
    history.sample(1, 1, known=True)
    history.roll_up()
    history.now += timedelta(days=800)
    history.roll_up()
    rolling.forget_empty_series()
    assert Series.objects.exists()
    rolling.forget(now=history.now)
    rolling.forget_empty_series()
    assert not Series.objects.exists()
