"""Two programs send the same write with the same key at the same instant: it is done once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from deployments.models import Deployment, IdempotencyRecord, Operation, Revision
from teams.roles import Scope
from teams.tokens import create_token

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tries(request: pytest.FixtureRequest) -> int:
    """`--tries 100` for a long look."""
    return int(request.config.getoption("--tries"))


def at_once(*sends: Callable[[], Any]) -> list[Any]:
    """What each answered; all begin together."""
    together = threading.Barrier(len(sends))
    answers: list[Any] = [None] * len(sends)

    def run(number: int) -> None:
        together.wait()
        try:
            answers[number] = sends[number]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(sends))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_the_same_key_at_the_same_instant_is_one_revision(
    deployer: User, house: Deployment, tries: int
) -> None:
    token, _ = create_token(deployer, "ci", [Scope.DEPLOY])
    for number in range(tries):

        def send(port: int = 6000 + number, key: str = f"key-{number}") -> Any:
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
            address = "/api/v1/teams/pricing/deployments/house/"
            return Client(headers=headers).patch(address, {"port": port}, "application/json")

        before = Revision.objects.count(), Operation.objects.count()
        answers = at_once(send, send)
        statuses = sorted(answer.status_code for answer in answers)
        # The second is told the first answer, or to ask again for it.
        assert statuses in ([202, 202], [202, 409]), [answer.content for answer in answers]
        assert (Revision.objects.count(), Operation.objects.count()) == (before[0] + 1, before[1] + 1)
        again = send()
        assert again.headers["Idempotency-Replayed"] == "true"
        first = next(answer for answer in answers if answer.status_code == 202)
        assert again.content == first.content
    assert IdempotencyRecord.objects.count() == tries
