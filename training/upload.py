"""A split folder in a private, encrypted S3 bucket: what is there already is not sent, and what was sent can be proven.

An object counts as there where its size and SHA-256 agree. The manifest goes last, so a prefix that holds it holds
everything, and a prefix holds one split for ever: nothing is deleted, and nothing is added to something else. A bucket
that is not private is refused, and never changed here.

An interrupted upload goes on with what is missing, because the bucket itself is asked. Memory grows with the number
of files, not with their sizes: a photo for each worker is in it.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

from training.class_folders import CARD, MANIFEST
from training.errors import OtherUploadError, UnfinishedSplitError
from training.private_bucket import PrivateBucket, telling
from training.progress import Progress, silent
from training.split import SHARES

PUT_PRICE: Final = 5e-6
GIGABYTE_MONTH_PRICE: Final = 0.023
"""US dollars for putting an object, and for a gigabyte kept a month, in S3 Standard in us-east-1; other regions are a
little dearer. Source: https://aws.amazon.com/s3/pricing/."""

_AT_A_TIME: Final = 1000
"""So many objects are handed to the workers before the first of them is waited for."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class File:
    """One file to upload: its path below the folder, its size, and its SHA-256 where the manifest tells."""

    path: str
    size: int
    sha256: str | None

    def content(self, folder: Path) -> bytes:
        """Read the file; raises UnfinishedSplitError where it is not what the manifest says."""
        body = (folder / self.path).read_bytes()
        if self.sha256 not in {None, sha256(body).hexdigest()}:
            raise UnfinishedSplitError(f"{folder / self.path} is not the photo of the manifest; run `split` again")
        return body

    def checksum(self, folder: Path) -> str:
        """Tell the SHA-256 as S3 writes it, in base 64; reads the file only where the manifest does not tell."""
        known = bytes.fromhex(self.sha256) if self.sha256 else sha256(self.content(folder)).digest()
        return b64encode(known).decode()


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What an upload did."""

    sent: int
    sent_bytes: int
    kept: int


@dataclass(frozen=True, slots=True)
class Differences:
    """How a prefix and a folder differ; paths below both."""

    missing: list[str]
    extra: list[str]
    different: list[str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.different)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an upload into an empty prefix takes: objects, bytes, US dollars for the requests and for a month."""

    objects: int
    bytes: int

    @property
    def put_cost(self) -> float:
        """Dollars for putting every object once."""
        return self.objects * PUT_PRICE

    @property
    def monthly_cost(self) -> float:
        """Dollars for keeping them a month."""
        return self.bytes / 1e9 * GIGABYTE_MONTH_PRICE


def files_of(folder: Path) -> list[File]:
    """List what there is to upload, in order of path, the manifest last; hidden files stay here.

    Raises UnfinishedSplitError where the folder is no finished split or its files are not those of its manifest.
    """
    if not all((folder / name).exists() for name in (MANIFEST, CARD)):
        raise UnfinishedSplitError(f"{folder}: no finished split is there (no {MANIFEST} or {CARD}); run `split` first")
    hashes = _hashes(folder / MANIFEST)
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}
    photos = {path for path in sizes if path.split("/")[0] in SHARES}
    if astray := photos ^ hashes.keys():
        raise UnfinishedSplitError(f"{folder}: {len(astray)} photos are not as in the manifest ({_few(astray)})")
    manifest = sizes.pop(MANIFEST)
    files = [File(path, sizes[path], hashes.get(path)) for path in sorted(sizes)]
    return [*files, File(MANIFEST, manifest, None)]


def estimate(files: Sequence[File]) -> Estimate:
    """Tell how much there is, and what sending and keeping it costs; asks nobody."""
    return Estimate(len(files), sum(file.size for file in files))


def upload(folder: Path, target: PrivateBucket, *, workers: int = 16, progress: Progress = silent) -> Uploaded:
    """Send what is not there yet, the manifest last; changes nothing where everything is.

    Raises UnsafeBucketError where the bucket may be public or does not encrypt, OtherUploadError where the prefix
    holds files that the folder does not, or another split's manifest, and UploadFailedError where S3 refuses or cannot
    be reached: run it again, and it goes on.
    """
    files = files_of(folder)
    *others, manifest = files
    with telling(target.address):
        target.check()
        there = target.sizes()
        _refuse_others(folder, target, files, there)
        send = partial(_send, folder, target, there)
        with progress(len(files), "uploading") as done:
            sent = [*_concurrently(send, others, workers, done), send(manifest)]
            done()
    return Uploaded(sum(one is not None for one in sent), sum(one or 0 for one in sent), sent.count(None))


def verify(folder: Path, target: PrivateBucket, *, workers: int = 16, progress: Progress = silent) -> Differences:
    """Compare size and checksum of every object with the folder's manifest and files; sends and changes nothing."""
    files = files_of(folder)
    with telling(target.address):
        there = target.sizes()
        present = [file for file in files if file.path in there]
        with progress(len(present), "verifying") as done:
            same = _concurrently(partial(_is_there, folder, target, there), present, workers, done)
            different = [file.path for file, agrees in zip(present, same, strict=True) if not agrees]
    missing = [file.path for file in files if file.path not in there]
    return Differences(missing, sorted(there.keys() - {file.path for file in files}), different)


def _hashes(manifest: Path) -> dict[str, str]:
    with manifest.open(encoding="utf-8") as lines:
        try:
            return {entry["file"]: entry["sha256"] for entry in map(json.loads, lines)}
        except (ValueError, KeyError, TypeError) as cause:
            raise UnfinishedSplitError(f"{manifest}: is no manifest that `split` wrote") from cause


def _refuse_others(folder: Path, target: PrivateBucket, files: Iterable[File], there: dict[str, int]) -> None:
    if strangers := there.keys() - {file.path for file in files}:
        raise OtherUploadError(
            f"{target.address} holds {len(strangers)} objects that are not in {folder} "
            f"({_few(strangers)}): name another prefix"
        )
    own = File(MANIFEST, (folder / MANIFEST).stat().st_size, None)
    if MANIFEST in there and not _is_there(folder, target, there, own):
        raise OtherUploadError(f"{target.address} holds another split: name another prefix")


def _send(folder: Path, target: PrivateBucket, there: dict[str, int], file: File) -> int | None:
    """Send a file unless it is there; returns how many bytes went, None where it was."""
    if _is_there(folder, target, there, file):
        return None
    body = file.content(folder)
    target.put(file.path, body)
    return len(body)


def _is_there(folder: Path, target: PrivateBucket, there: dict[str, int], file: File) -> bool:
    return there.get(file.path) == file.size and target.checksum(file.path) == file.checksum(folder)


def _concurrently(
    work: Callable[[File], T], files: Sequence[File], workers: int, done: Callable[[], None]
) -> Iterator[T]:
    """Give the results in order; the first failure ends it, and what has not begun is not begun."""
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(files), _AT_A_TIME):
            for result in pool.map(work, files[start : start + _AT_A_TIME]):
                done()
                yield result


def _few(names: Iterable[str]) -> str:
    some = sorted(names)
    return ", ".join(some[:3]) + (", …" if len(some) > 3 else "")
