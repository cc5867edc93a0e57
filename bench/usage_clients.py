"""Measured by `bench.usage` in a Django process of its own: fills the tables, then lets clients ask."""

import multiprocessing
import os
import statistics
import time
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from bench import usage_rows
from bench.figures import MEBIBYTE, spread
from dashboard.settled import settle
from deployments.models import Cluster, Node, PodUsage, Series

PATHS = (
    "/usage/",
    "/usage/?window=30d",
    "/usage/?by=models",
    "/deployments/",
    "/deployments/team-00/house-0001/",
    "/deployments/team-00/house-0001/usage/",
)
CLIENTS, ROUNDS, WARM_UP = 4, 60, 6


def main() -> None:
    """Print the figures."""
    call_command("migrate", verbosity=0)
    lead = usage_rows.grow()
    admin = User.objects.create_superuser("admin")
    tell_storage()
    settle()
    for user in (lead, admin):
        for path in PATHS:
            # As if it had been seen and measured just now: filling takes longer than that holds.
            now = timezone.now()
            Cluster.objects.update(seen_at=now, metrics_at=now)
            Node.objects.update(used_at=now)
            PodUsage.objects.update(at=now)
            kind = "admin" if user.is_superuser else "lead"
            taken, busy = ask_at_once(user.pk, path)
            cpu = statistics.median(busy) * 1000
            print(f"{kind:<6} {path:<40} {spread(taken)}  of it CPU p50 {cpu:.1f} ms", flush=True)


def tell_storage() -> None:
    """Fill the samples, and say what they take: a month of quarters and days, a day of minutes."""
    series = Series.objects.count()
    for table, step_minutes, count in usage_rows.HISTORY:
        before = size()
        began = time.perf_counter()
        usage_rows.fill(table, step_minutes, count)
        grown = size() - before
        seconds = time.perf_counter() - began
        print(
            f"{table.__name__:<14} {count:>5} steps of {series} series:"
            f" {grown / series:,.0f} bytes per series, {grown / MEBIBYTE:.0f} MiB in all,"
            f" filled in {seconds:.0f} s",
            flush=True,
        )


def size() -> int:
    """Of the database's file, in bytes, with nothing left in its log."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(connection.settings_dict["NAME"]).stat().st_size


def ask_at_once(user: int, path: str) -> tuple[list[float], list[float]]:
    """Seconds that the requests of all clients took, and of CPU: those hardly grow on a busy machine."""
    connection.close()
    with multiprocessing.get_context("fork").Pool(CLIENTS) as clients:
        taken = clients.starmap(ask, [(user, path)] * CLIENTS, chunksize=1)
    pairs = [pair for one in taken for pair in one]
    return [seconds for seconds, _ in pairs], [seconds for _, seconds in pairs]


def ask(user: int, path: str) -> list[tuple[float, float]]:
    """Seconds and CPU seconds of each of the requests after the warm-up."""
    client = Client()
    client.force_login(User.objects.get(pk=user))
    taken = []
    for _ in range(WARM_UP + ROUNDS):
        began, busy = time.perf_counter(), time.process_time()
        answer = client.get(path)
        taken.append((time.perf_counter() - began, time.process_time() - busy))
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status_code} in process {os.getpid()}")
    return taken[WARM_UP:]
