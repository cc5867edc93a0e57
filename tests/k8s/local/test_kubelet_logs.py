"""Log files: what is kept, what is read, what a follower gets."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest

from k8s.local.errors import BadRequest
from k8s.local.kubelet.logs import LogFile, LogQuery, read
from tests.k8s.local.kit import a_pod, machinery, until


async def text(path: Path, writer: LogFile | None = None, **query: object) -> str:
    pieces = [piece async for piece in read(path, LogQuery(**query), writer)]  # type: ignore[arg-type]
    return b"".join(pieces).decode()


async def test_lines_come_back_as_they_were_written_even_in_pieces(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "0.log")
    for piece in (b"one\ntw", b"o\n", b"\nthree"):
        log.write(piece)
    assert await text(log.path) == "one\ntwo\n\n"
    log.close()
    assert await text(log.path) == "one\ntwo\n\nthree\n"
    stamped = await text(log.path, timestamps=True)
    assert re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z .*\n){4}", stamped)


async def test_only_a_newline_ends_a_line(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "0.log")
    log.write(b"10 %\r100 %\x0b\x1c\n")
    assert await text(log.path) == "10 %\r100 %\x0b\x1c\n"
    assert (await text(log.path, timestamps=True)).count("Z ") == 1


async def test_a_very_long_line_stays_one_line(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "0.log")
    log.write(b"x" * 100_000 + b"\nend\n")
    assert await text(log.path) == "x" * 100_000 + "\nend\n"


async def test_tail_and_limit_cut_from_their_own_ends(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "0.log")
    log.write(b"".join(b"line %d\n" % number for number in range(20_000)))
    assert await text(log.path, tail_lines=2) == "line 19998\nline 19999\n"
    assert await text(log.path, tail_lines=0) == ""
    assert len((await text(log.path, tail_lines=15_000)).splitlines()) == 15_000
    assert await text(log.path, limit_bytes=9) == "line 0\nli"
    assert (await text(log.path, tail_lines=99_999)).startswith("line 0\n")


async def test_since_leaves_out_what_is_older(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "0.log")
    log.write(b"old\n")
    await asyncio.sleep(0.01)
    first = (await text(log.path, timestamps=True)).split(" ")[0]
    log.write(b"new\n")
    second = (await text(log.path, timestamps=True)).splitlines()[1].split(" ")[0]
    assert await text(log.path, since=first) == "old\nnew\n"
    assert await text(log.path, since=second) == "new\n"


async def test_logs_since_before_there_were_calendars_are_all_there_is(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("pods", a_pod())
        await until(lambda: cluster.container().get("ready"))
        kubelet = cluster.running.kubelet
        pieces = await kubelet.read_logs(cluster.pod(), "server", since_seconds=999_999 * 86_400)
        assert b"".join([piece async for piece in pieces])


async def test_a_rotated_log_keeps_its_newest_parts_and_reads_as_one(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "0.log", max_bytes=10_000)
    for number in range(2_000):
        log.write(b"line %d\n" % number)
    lines = (await text(log.path)).splitlines()
    assert len(lines) < 2_000
    assert lines == [f"line {number}" for number in range(2_000 - len(lines), 2_000)]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 30_000  # noqa: ASYNC240
    assert (await text(log.path, tail_lines=300)).splitlines() == lines[-300:]


async def test_a_follower_gets_lines_at_once_across_rotations_until_the_end(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "0.log", max_bytes=2_000)
    log.write(b"before\n")
    got: list[tuple[float, bytes]] = []

    async def follow() -> None:
        async for piece in read(log.path, LogQuery(follow=True), log):
            got.extend((time.monotonic(), line) for line in piece.splitlines())

    reader = asyncio.create_task(follow())
    await until(lambda: got)
    for number in range(200):
        wrote = time.monotonic()
        log.write(b"line %d\n" % number)
        await until(lambda number=number: len(got) == number + 2)  # type: ignore[misc]
        # At once, not with the next look at the file; generous to a busy machine.
        assert got[-1][0] - wrote < 1
    log.close()
    await asyncio.wait_for(reader, 5)
    assert [line for _, line in got] == [b"before", *(b"line %d" % number for number in range(200))]


async def test_following_a_pod_ends_when_its_container_does(tmp_path: Path) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("pods", a_pod(command=["sleep", "1"], spec={"restartPolicy": "Never"}))
        await until(lambda: cluster.container().get("state", {}).get("running"))
        assert await asyncio.wait_for(cluster.log(follow=True), 5) == ""


async def test_questions_about_a_log_that_cannot_be_answered_are_refused_in_the_real_words(
    tmp_path: Path,
) -> None:
    async with machinery(tmp_path) as cluster:
        cluster.create("pods", a_pod(spec={"nodeSelector": {"kind": "none"}}))
        assert await cluster.log() == ""  # on no node yet
        cluster.create("pods", a_pod("q"))
        await until(lambda: cluster.container("q").get("ready"))
        with pytest.raises(BadRequest, match="container zzz is not valid for pod q"):
            await cluster.log("q", container="zzz")
        with pytest.raises(BadRequest, match='previous terminated container "server" in pod "q" not found'):
            await cluster.log("q", previous=True)
        assert "starting house 1.0" in await cluster.log("q", since_seconds=60)
        assert await cluster.log("q", since_time="2099-01-01T00:00:00Z") == ""
