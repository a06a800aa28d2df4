from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
from local.hostile import hostile_photos
from training.serving.allocator import give_back
from training.serving.images import BadImage, decode
give_back()
try:
    decode(hostile_photos()["PNG of packed texts"], (8, 8))
except BadImage as bad:
    print(bad.reason)
"""


@pytest.mark.integration
def test_texts_that_unpack_to_many_megabytes_are_refused_in_the_servers_process() -> None:
    """In a process of its own: what is set holds for the whole of it."""
    ended = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "undecodable"
