"""The loop of an export: the folder is made to hold what stands, and nothing else.

Gather what was said, decide what of it stands, and apply that: photos that are not there yet are read by many threads
and checked, what stands no more leaves the folder, and the two lists are written last. Truths are worked on from the
newest to the oldest, so that of two about one photo the newer has always been met first. Photos are kept under the id
of their version, which never changes: what is there, and has been checked, is neither read nor decoded again, however
the export before this one ended. Only the calling thread writes.
"""

import json
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from training.errors import BrokenRecordError, OtherExportError
from training.feedback.api import Api
from training.feedback.records import (
    LEFT_OUT,
    MANIFEST,
    PROVENANCE,
    Photo,
    json_line,
    left_out_line,
    manifest_line,
    metadata_of,
    photo_files,
)
from training.feedback.said import Act, Names, Seen, as_recorded, pseudonyms
from training.feedback.truths import LeftOut, Truth, Which, Why, truths_in
from training.fetch.folder import OWN, SET_ASIDE, DataFolder
from training.fetch.journal import Journal, Outcome, State
from training.fetch.sources import METADATA, PHOTOS, MissingObjectError, UnreadObjectError, metadata_name
from training.parallel import in_order
from training.progress import Progress, silent

_CHOICE: Final = f"{OWN}/export.json"
_KEY: Final = f"{OWN}/pseudonyms.key"


@dataclass(frozen=True, slots=True)
class Choice:
    """What an export is of; a folder is always of one choice, since what is not chosen leaves it."""

    api: str
    """Its address: what another system says is not what this one takes back."""
    sites: tuple[str, ...] = ()
    """None named are all."""
    which: Which = Which.SHOWN
    are_named: bool = False
    """Whether operators stand in it by the names that the API has, and not by pseudonyms."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What an export did. Each of `said` is an exported resolution or in `left_out`, which counts photos beside too."""

    said: int
    resolutions: int
    """So many resolutions have at least one exported photo."""
    photos: int
    fetched: int
    already_there: int
    removed: int
    """Photos of an earlier export that stand no more and were set aside."""
    left_out: dict[str, int]
    asked: dict[str, int]
    """Exported photos by what had made somebody look."""

    @property
    def unread(self) -> int:
        """Photos that did not arrive, and may the next time."""
        return self.left_out.get(Why.UNREAD, 0)


def export(api: Api, out: Path, choice: Choice, *, workers: int, progress: Progress = silent) -> Summary:
    """Bring all that operators said of the chosen sites into `out`, as labelled photos or as reasons why not.

    An export that was killed and is run again ends in the same folder. While one is under way or unfinished, there is
    no manifest, and no training run takes the folder.

    Raises UnusableSourceError, UnwritableFolderError, FolderInUseError, and OtherExportError where the folder is that
    of something else; what was done until then is kept.
    """
    _refuse_strangers(out)
    folder = DataFolder(out)
    folder.prepare()
    with Journal.of(out) as journal:
        _claim(folder, out, choice)
        journal.forget_lost(lambda image_id, _: any((out / name).is_file() for name in photo_files(image_id)))
        names = as_recorded if choice.are_named else pseudonyms(_own_key(folder, out))
        acts = _gathered(api, choice.sites or api.sites(), names, progress)
        truths, left_out = truths_in(acts)
        for name in (MANIFEST, LEFT_OUT):
            (out / name).unlink(missing_ok=True)
        exported = _Exported(folder, journal, left_out)
        worker = _Worker(api, out, choice.which, _known(journal))
        attempts = in_order(worker.obtain, truths, workers)
        with closing(attempts), progress(len(truths), "exporting") as done:
            for attempt in attempts:
                exported.add(attempt)
                done()
        removed = _set_others_aside(folder, out, exported.lines)
        _write_lists(folder, exported)
    return exported.summary(len(acts), removed)


def _gathered(api: Api, sites: Sequence[str], names: Names, progress: Progress) -> list[Act]:
    acts = []
    with progress(len(sites), "reading what was said") as done:
        for site in sites:
            acts += [Act.told(facts, site, names) for facts in api.acts(site)]
            done()
    return acts


@dataclass(frozen=True, slots=True)
class _Got:
    """A photo of a truth: its file's facts, and its bytes where it was read now and not found in the folder."""

    seen: Seen
    photo: Photo
    body: bytes | None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What was obtained of a truth's photos, in their order, and what was not."""

    truth: Truth
    got: Sequence[_Got]
    left_out: Sequence[LeftOut]


@dataclass(frozen=True, slots=True)
class _Worker:
    """Obtains the photos of one truth at a time; threads share it."""

    api: Api
    out: Path
    which: Which
    known: Mapping[str, Photo]

    def obtain(self, truth: Truth) -> _Attempt:
        """Find the truth's photos in the folder, or read them."""
        at_hand = self._at_hand(truth) if self.which is Which.SHOWN else None
        if at_hand is not None:
            return _Attempt(truth, [at_hand], [])
        wanted = truth.photos_among(self._seen(truth), self.which)
        got: list[_Got] = []
        left_out: list[LeftOut] = []
        if not any(map(truth.is_shown, wanted)):
            left_out.append(LeftOut(truth.act, Why.GONE, "the API has no record of the photo"))
        for seen in wanted:
            try:
                got.append(self._found(seen) or self._read(seen))
            except MissingObjectError as cause:
                left_out.append(_without(truth, seen, Why.GONE, cause))
            except BrokenRecordError as cause:
                left_out.append(_without(truth, seen, Why.UNUSABLE, cause))
            except UnreadObjectError as cause:
                left_out.append(_without(truth, seen, Why.UNREAD, cause))
        return _Attempt(truth, got, left_out)

    def _seen(self, truth: Truth) -> list[Seen]:
        """Ask for the bin's photos, no further back than they can matter."""
        found = []
        for facts in self.api.outcomes(truth.act.bin_id):
            seen = Seen.told(facts)
            if seen.image.uploaded_at < truth.act.since:
                break
            found.append(seen)
        return found

    def _at_hand(self, truth: Truth) -> _Got | None:
        """Find the one photo that is wanted, and what its consignment named, in what an earlier export has left."""
        assert truth.act.shown is not None  # noqa: S101 - without one it is no truth of a photo
        try:
            text = (self.out / metadata_name(truth.act.shown.image_id)).read_text(encoding="utf-8")
            items = json.loads(text)[PROVENANCE]["expected_items"]
        except (OSError, ValueError, KeyError):
            return None
        return self._found(Seen(truth.act.shown, is_inspection=True, link=None, items=items))

    def _found(self, seen: Seen) -> _Got | None:
        """Find a photo in the folder; one that a killed export had no time to take down is checked anew."""
        image_id = seen.image.image_id
        known = self.known.get(image_id)
        for name in photo_files(image_id):
            try:
                body = (self.out / name).read_bytes()
                is_the_same = known is not None and known.is_of(body)
                photo = known if known is not None and is_the_same else Photo.checked(image_id, body)
            except (FileNotFoundError, BrokenRecordError):
                continue
            return _Got(seen, photo, None)
        return None

    def _read(self, seen: Seen) -> _Got:
        if seen.link is None:
            raise MissingObjectError("it was gone before it could be judged")
        body = self.api.picture(seen.link)
        return _Got(seen, Photo.checked(seen.image.image_id, body), body)


@dataclass(slots=True)
class _Exported:
    """What the folder holds so far, by photo and by content."""

    folder: DataFolder
    journal: Journal
    left_out: list[LeftOut]
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_content: dict[str, str] = field(default_factory=dict)
    truths: dict[str, Truth] = field(default_factory=dict)
    fetched: int = 0

    def add(self, attempt: _Attempt) -> None:
        """Take over a truth's photos, but those that are the folder's already with what was said later."""
        self.left_out += attempt.left_out
        for got in attempt.got:
            known = self.by_content.get(got.photo.sha256)
            if known is None:
                self._keep(attempt.truth, got)
            else:
                self.left_out.append(self._repeated(attempt.truth, got, self.truths[known]))

    def summary(self, said: int, removed: int) -> Summary:
        """Count."""
        why = Counter(one.why.value for one in self.left_out)
        asked = Counter(line["asked"] for line in self.lines.values())
        resolutions = {(line["bin_id"], line["resolution"]) for line in self.lines.values()}
        already_there = len(self.lines) - self.fetched
        return Summary(
            *(said, len(resolutions), len(self.lines), self.fetched, already_there, removed),
            *(dict(why.most_common()), dict(asked.most_common())),
        )

    def _keep(self, truth: Truth, got: _Got) -> None:
        photo, metadata = got.photo, metadata_of(truth, got.seen)
        self.folder.write(metadata_name(photo.id), (json.dumps(metadata, indent=1, ensure_ascii=False) + "\n").encode())
        if got.body is not None:  # the photo after its metadata: a reader of the folder meets none without
            self.folder.write(photo.file, got.body)
            self.fetched += 1
        self.journal.record(Outcome(photo.id, State.COMPLETE, _noted(photo)))
        self.lines[photo.id] = manifest_line(photo, metadata)
        self.by_content[photo.sha256] = photo.id
        self.truths[photo.id] = truth

    @staticmethod
    def _repeated(truth: Truth, got: _Got, winner: Truth) -> LeftOut:
        differs = "" if winner.count == truth.count else f", which was {winner.count}"
        detail = f"with version {winner.act.version} of bin {winner.act.bin_id}{differs}"
        return _without(truth, got.seen, Why.SAME_PHOTO, detail)


def _without(truth: Truth, seen: Seen, why: Why, detail: object) -> LeftOut:
    return LeftOut(truth.act, why, str(detail), seen.image.image_id)


def _noted(photo: Photo) -> str:
    """Write down a photo's facts for the journal, which looks at the first two itself."""
    return json.dumps({"id": photo.id, "bytes": photo.size, "photo": asdict(photo)})


def _known(journal: Journal) -> dict[str, Photo]:
    """Read which photos have been checked before."""
    photos = (Photo(**json.loads(line)["photo"]) for line in journal.complete())
    return {photo.id: photo for photo in photos}


def _refuse_strangers(out: Path) -> None:
    """Look for files that no export has made: they would be set aside as what stands no more."""
    is_taken = out.exists() and not out.is_dir()
    is_anothers = (out / PHOTOS).exists() and not (out / _CHOICE).exists()
    if is_taken or is_anothers:
        raise OtherExportError(f"{out}: holds what no export of feedback has put there: name a new folder")


def _claim(folder: DataFolder, out: Path, choice: Choice) -> None:
    """Make the folder that of this choice, or find that it is."""
    wanted = json.dumps(asdict(choice), indent=1) + "\n"
    file = out / _CHOICE
    if not file.exists():
        folder.write(_CHOICE, wanted.encode())
    standing = file.read_text(encoding="utf-8")
    if standing != wanted:
        differing = [name for name, value in json.loads(wanted).items() if json.loads(standing).get(name) != value]
        raise OtherExportError(f"{out}: holds an export with other {' and '.join(differing)}: name another folder")


def _own_key(folder: DataFolder, out: Path) -> bytes:
    """Read the folder's key for pseudonyms, or draw one; it stays with who exports and is no part of the data."""
    file = out / _KEY
    if not file.exists():
        folder.write(_KEY, secrets.token_hex(32).encode())
        file.chmod(0o600)
    return file.read_bytes()


def _set_others_aside(folder: DataFolder, out: Path, kept: Mapping[str, Any]) -> int:
    """Move away what an earlier export has left and this one has not found standing; counts the photos."""
    photos = [file for file in sorted((out / PHOTOS).iterdir()) if file.stem not in kept]
    metadata = [file for file in sorted((out / METADATA).iterdir()) if file.stem not in kept]
    for file in (*photos, *metadata):  # photos first: a reader of the folder meets none without its metadata
        folder.write(f"{SET_ASIDE}/{file.relative_to(out).as_posix()}", file.read_bytes())
        file.unlink()
    return len(photos)


def _write_lists(folder: DataFolder, exported: _Exported) -> None:
    """Write the lists, the manifest last: with it, the export has ended."""
    left_out = [left_out_line(one) for one in exported.left_out]
    left_out.sort(key=lambda line: (line["bin_id"], line["resolution"], line["photo"] or ""))
    folder.write(LEFT_OUT, "".join(map(json_line, left_out)).encode())
    lines = (exported.lines[image_id] for image_id in sorted(exported.lines))
    folder.write(MANIFEST, "".join(map(json_line, lines)).encode())
