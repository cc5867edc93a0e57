"""Large buffers go back to the system."""

import subprocess
import sys

PROGRAM = """
import sys
import psutil
from k8s.memory import return_large_buffers

def resident():
    return psutil.Process().memory_info().rss

if sys.argv[1] == "returning":
    return_large_buffers()
size = 16 * 2**20
large = b"x" * size
del large  # from here on the C library takes such blocks from its heap
before = resident()
large = b"x" * size
above = [b"y" * 1000 for _ in range(1000)]
del large
print((resident() - before) // 2**20)
"""


def kept_mebibytes(how: str) -> int:
    command = [sys.executable, "-c", PROGRAM, how]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_what_was_large_is_given_back_although_something_smaller_came_after_it() -> None:
    assert kept_mebibytes("returning") <= 4
    # What it is there against; should the C library learn better, it can go.
    assert kept_mebibytes("as ever") >= 12
