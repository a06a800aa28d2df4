"""What this process does with memory it no longer needs: gives it back at once.

By default the C library keeps large freed blocks, and more for every thread, as the next photo may want them. After a
few large photos the process then holds several times what it uses. Called once, by the entry point, before any thread.
"""

from __future__ import annotations

import ctypes
from typing import Final

from PIL import PngImagePlugin

BLOCK: Final = 4 * 1024 * 1024
"""Bytes from which a block is the system's again when freed: above what photos of usual size take, which stay quick."""

ARENAS: Final = 2
"""Heaps that threads share."""

TEXT: Final = 1024 * 1024
"""Bytes that a PNG's packed texts may unpack to; Pillow would allow 64 times as many before it knows the size."""

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # mallopt's names, from malloc.h


def give_back() -> bool:
    """Make freed memory leave the process, and a PNG's texts take none; say whether the C library can."""
    PngImagePlugin.MAX_TEXT_MEMORY = TEXT
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library than GNU's
        return False
    return bool(set_option(_MMAP_THRESHOLD, BLOCK) and set_option(_ARENA_MAX, ARENAS))
