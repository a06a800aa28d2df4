"""Memory on a CPU: what torch gives back it wants again a moment later, so the C library is told to keep it.

Left to itself, glibc maps each large tensor anew and hands it back when it is freed, and every step pays for zeroed
pages. Kept memory makes a step on two cores half again as fast (`python -m training throughput` shows both); the
price is that the process stays as large as its largest step.
"""

import ctypes
import platform
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_MAX: Final = -4
"""Numbers of mallopt(3), from glibc's <malloc.h>."""


def keep_freed_memory() -> bool:
    """Let this process reuse what it frees instead of returning it; False where there is no glibc to tell so.

    Counts from now on: what was mapped before stays as it is.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    never_map = libc.mallopt(_M_MMAP_MAX, 0)
    never_trim = libc.mallopt(_M_TRIM_THRESHOLD, -1)
    return bool(never_map and never_trim)
