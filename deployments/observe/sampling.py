"""A sample of the cluster each minute, by the one process that knows whether what is stored is true."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from django.db import Error
from django.utils import timezone

from deployments.observe.database import Database
from deployments.usage.minutes import minute_of
from deployments.usage.sampling import sample

logger = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 2.0


async def sample_each_minute(cluster_id: int, is_known: Callable[[], bool]) -> None:
    """Samples while `is_known` says that what is stored is how things are now; other minutes are gaps."""
    # A connection of its own: what is seen does not wait behind the samples of thousands.
    database, sampled = Database(), 0
    try:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = timezone.now()
            if minute_of(now) == sampled or not is_known():
                continue
            try:
                if await database.run(partial(sample, cluster_id, now=now)):
                    sampled = minute_of(now)
            except (Error, OverflowError) as exc:
                logger.warning("no sample yet of this minute, again in a moment: %s", exc)
    finally:
        database.close()
