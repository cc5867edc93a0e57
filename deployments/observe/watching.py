"""One cluster being watched: words in, batches to the database, liveness kept."""

import asyncio
import logging
import time
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec

from deployments.nudges import Nudge
from deployments.observe import liveness, recording
from deployments.observe.batches import Word
from deployments.observe.database import Database
from deployments.observe.hints import Hints
from deployments.observe.measuring import Measuring
from deployments.observe.sampling import sample_each_minute
from k8s.client_async import AsyncCluster
from k8s.errors import ClusterError, ClusterUnavailable, Unauthorized
from k8s.facts import Facts, PodFacts, only_held
from k8s.labels import MANAGED_BY, MANAGED_BY_US, MANAGER
from k8s.watch import Alive, Listed, Lost, watch

logger = logging.getLogger(__name__)

# Events and nodes carry no labels of ours. Pods of others fill nodes, too.
WATCHED: dict[str, str] = {
    "Deployment": MANAGED_BY_US,
    "Service": MANAGED_BY_US,
    "HorizontalPodAutoscaler": MANAGED_BY_US,
    "Pod": "",
    "Event": "",
    "Node": "",
}
_COUNTED = {"Pod", "Node"}
COALESCE_SECONDS = 0.1
_LIVENESS_SECONDS = 1.0
_FIRST_SECONDS = 0.1
_WRITE_SEEN_EVERY = timedelta(seconds=3)
# Quiet watches make sure of the cluster every four seconds; people are told within fifteen.
_SUSPICIOUS_SILENCE = timedelta(seconds=5)
_LONGEST_SILENCE = timedelta(seconds=9)
_RECHECK_SECONDS = 3.0


class WatchedCluster:
    """Watches a cluster until it is cancelled. `cluster` is shared with who follows logs."""

    def __init__(
        self, cluster_id: int, name: str, cluster: AsyncCluster, database: Database, hints: Hints
    ) -> None:
        self.cluster_id = cluster_id
        self.name = name
        self.cluster = cluster
        self._database = database
        self._hints = hints
        self._words: list[Word] = []
        self._arrived = asyncio.Event()
        self._last_word: datetime | None = None
        self._errors: dict[str, ClusterError] = {}
        self._refused: dict[str, str] = {}
        self._connected: bool | None = None
        self._listed: set[str] = set()

    @property
    def is_known(self) -> bool:
        """Whether what is stored of pods and nodes is how things are now."""
        troubled = self._errors.keys() | self._refused.keys()
        return bool(self._connected) and self._listed >= _COUNTED and not _COUNTED & troubled

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for kind, labels in WATCHED.items():
                tasks.create_task(self._watch(kind, labels))
            tasks.create_task(self._write())
            tasks.create_task(self._keep_liveness())
            tasks.create_task(self._recheck())
            tasks.create_task(
                Measuring(
                    self.cluster_id,
                    self.name,
                    self.cluster,
                    self._database,
                    self._hints,
                    is_there=lambda: bool(self._connected),
                ).run()
            )
            tasks.create_task(sample_each_minute(self.cluster_id, lambda: self.is_known))

    async def _watch(self, kind: str, labels: str) -> None:
        async with aclosing(watch(self.cluster, kind, labels=labels, keep=_kept)) as words:
            async for seen in words:
                if isinstance(seen, Lost):
                    self._lost(kind, seen)
                    continue
                self._last_word = datetime.now(UTC)
                self._errors.pop(kind, None)
                self._refused.pop(kind, None)
                if isinstance(seen, Alive):
                    continue
                self._words.append((kind, seen))
                self._arrived.set()

    def _lost(self, kind: str, lost: Lost) -> None:
        if isinstance(lost.error, (ClusterUnavailable, Unauthorized)):
            self._errors[kind] = lost.error
        else:
            # Refused by RBAC, for instance: the cluster answers, and this kind stays unseen.
            self._last_word = datetime.now(UTC)
            self._refused[kind] = f"{kind} not seen: {lost.error}"

    async def _write(self) -> None:
        """The first word of a burst at once, those that follow gathered: few writes, little delay."""
        wrote_at = 0.0
        while True:
            await self._arrived.wait()
            await asyncio.sleep(max(0.0, wrote_at + COALESCE_SECONDS - time.monotonic()))
            self._arrived.clear()
            words, self._words = self._words, []
            record = partial(recording.record, self.cluster_id, words)
            recorded = await self._database.insist(record, otherwise=recording.Recorded)
            wrote_at = time.monotonic()
            self._listed.update(kind for kind, seen in words if isinstance(seen, Listed))
            self._hints.tell(recorded.nudges.values())
            self._hints.reconcile(recorded.to_reconcile)
            self._hints.roll_back(recorded.to_roll_back)
            self._hints.capture(recorded.to_capture)
            self._hints.check(recorded.to_check)

    async def _keep_liveness(self) -> None:
        written: datetime | None = None
        while True:
            await asyncio.sleep(_FIRST_SECONDS if self._connected is None else _LIVENESS_SECONDS)
            heard = self._last_word
            error = self._trouble(heard)
            if error is not None:
                if self._connected is not False:
                    await self._tell_lost(error)
            elif heard is not None and (
                not self._connected or written is None or heard - written >= _WRITE_SEEN_EVERY
            ):
                await self._tell_seen(heard)
                written = heard

    def _trouble(self, heard: datetime | None) -> ClusterError | None:
        """Why the cluster counts as lost now. One broken stream is no loss while others speak."""
        error = next(iter(self._errors.values()), None)
        if heard is None or (error is not None and len(self._errors) == len(WATCHED)):
            return error
        silent_for = datetime.now(UTC) - heard
        if silent_for > _LONGEST_SILENCE:
            return error or ClusterUnavailable("no word from the cluster")
        return error if silent_for > _SUSPICIOUS_SILENCE else None

    async def _tell_lost(self, error: ClusterError) -> None:
        if self._connected:
            logger.warning("cluster %s is lost: %s", self.name, error)
        self._connected = False
        message = str(error)
        nudges = await self._database.insist(
            lambda: liveness.mark_lost(self.cluster_id, message), otherwise=list[Nudge]
        )
        self._hints.tell(nudges)

    async def _tell_seen(self, heard: datetime) -> None:
        returned = not self._connected
        version = await self._version() if returned else ""
        message = "; ".join(self._refused.values())
        nudges = await self._database.insist(
            lambda: liveness.mark_seen(self.cluster_id, heard, version=version, message=message),
            otherwise=list[Nudge],
        )
        self._hints.tell(nudges)
        if returned:
            logger.info("cluster %s is there", self.name)
            self._connected = True
            self._hints.reconcile(
                await self._database.insist(lambda: liveness.due_after_return(self.cluster_id))
            )

    async def _version(self) -> str:
        try:
            answer = msgspec.json.decode(await self.cluster.read("/version", {}, seconds=3))
        except (ClusterError, msgspec.DecodeError):
            return ""
        return str(answer.get("gitVersion", "")) if isinstance(answer, dict) else ""

    async def _recheck(self) -> None:
        while True:
            await asyncio.sleep(_RECHECK_SECONDS)
            recheck = partial(liveness.recheck, self.cluster_id)
            looked = await self._database.insist(recheck, otherwise=liveness.Rechecked)
            self._hints.tell(looked.nudges)
            self._hints.capture(looked.to_capture)
            self._hints.check(looked.to_check)


def _kept(facts: Facts) -> Facts:
    """Of a pod that is not ours only what it holds: there may be many thousands."""
    if isinstance(facts, PodFacts) and facts.labels.get(MANAGER) != MANAGED_BY:
        return only_held(facts)
    return facts
