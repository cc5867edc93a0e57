"""What the observer asks workers for: not once for each of the many pieces of one rollout."""

from collections.abc import Iterator

import pytest

from deployments.observe.hints import Hints


@pytest.fixture
def hints() -> Iterator[Hints]:
    made = Hints()
    yield made
    made.close()


def test_a_burst_of_sights_asks_an_address_once(hints: Hints) -> None:
    for _ in range(5):
        hints.check([7])
    hints.check([7, 8])
    assert hints.take_checks() == {7, 8}
    hints.check([7])
    assert hints.take_checks() == set()
