"""What is freed stays with the process, so that taking it again costs no page."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="there is no glibc here")

_PAGES_OF_FIVE_TENSORS = """
import resource
from training.allocator import keep_freed_memory
if {keep}:
    assert keep_freed_memory()
def tensor(size=64 * 2**20):
    taken = bytearray(size)
    taken[::4096] = b"x" * len(taken[::4096])
tensor()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    tensor()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_taken(*, keep: bool) -> int:
    script = _PAGES_OF_FIVE_TENSORS.format(keep=keep)
    return int(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True).stdout)


def test_memory_that_is_kept_is_not_paged_in_again() -> None:
    assert pages_taken(keep=True) < pages_taken(keep=False) / 20
