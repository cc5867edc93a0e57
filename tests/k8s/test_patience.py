"""A cluster in trouble is asked soon, and then seldom."""

import pytest

from k8s.patience import Patience


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def rested(times: int) -> list[float]:
    """The waits after one failure, each of a watch of its own."""
    return [Patience(Clock()).after_failure(1, None) for _ in range(times)]


def test_the_first_retry_is_fast_and_at_no_certain_moment() -> None:
    waits = rested(200)
    assert max(waits) <= 1
    assert min(waits) < 0.3
    assert max(waits) > 0.7


def test_no_retry_is_far_away() -> None:
    assert all(Patience(Clock()).after_failure(50, None) <= 10 for _ in range(100))


@pytest.mark.parametrize("asked", [0.5, 3, 30])
def test_what_the_cluster_asks_for_is_waited(asked: float) -> None:
    assert asked <= Patience(Clock()).after_failure(1, asked) <= asked + 1


def test_a_cluster_cannot_send_us_away_for_good() -> None:
    assert Patience(Clock()).after_failure(1, 3600) <= 61


@pytest.mark.parametrize("requests", [1, 2, 3])
def test_requests_during_a_long_trouble_are_bounded_however_they_fail(requests: int) -> None:
    clock, sent = Clock(), 0
    patience = Patience(clock)
    while clock.seconds < 600:
        for _ in range(requests):
            patience.spend()
            sent += 1
        clock.seconds += patience.after_failure(1, None)
    assert sent <= 0.25 * clock.seconds


def test_success_after_success_is_only_slowed_when_it_comes_too_thick() -> None:
    clock = Clock()
    patience = Patience(clock)
    waits = []
    for _ in range(20):
        patience.spend()
        waits.append(patience.after_success())
        clock.seconds += waits[-1]
    assert waits[:5] == [0] * 5
    assert waits[-1] == pytest.approx(5)
    clock.seconds += 60
    patience.spend()
    assert patience.after_success() == 0
