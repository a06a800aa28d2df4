"""Archives that are the same for the same content, and are named after it: tar.gz without owners and times.

The name is the hash of the content, not of the compressed bytes: another zlib compresses into others.
"""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Archive:
    """A compressed archive and its name, `HASH.tar.gz`."""

    name: str
    body: bytes


def archived(contents: Mapping[str, bytes]) -> Archive:
    """Pack files, given by their names inside the archive."""
    tar = _tar(contents)
    return Archive(f"{hashlib.sha256(tar).hexdigest()[:20]}.tar.gz", gzip.compress(tar, mtime=0))


def _tar(contents: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(contents.items()):
            entry = tarfile.TarInfo(name)  # no owner, no time
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
