"""Folders of exported feedback, written without an API to export from: the training environment has none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from training.feedback.records import MANIFEST, PROVENANCE, Photo

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def write_export(folder: Path, photos: Iterable[tuple[str, bytes, int, dict[str, int] | None]]) -> Path:
    """A finished export of photos: id, file, what was found, and what their consignment named."""
    lines = []
    for folders in ("bin-images", "metadata"):
        (folder / folders).mkdir(parents=True)
    for image_id, body, count, named in photos:
        photo = Photo.checked(image_id, body)
        told = {"at": "2026-11-22T12:00:00.000Z", "asked": "review", "expected_items": named}
        facts = {"EXPECTED_QUANTITY": count, "BIN_FCSKU_DATA": {}, PROVENANCE: told}
        (folder / photo.file).write_bytes(body)
        (folder / f"metadata/{image_id}.json").write_text(json.dumps(facts))
        line = {"id": image_id, "file": photo.file, "count": count, "bytes": photo.size, "sha256": photo.sha256}
        lines.append(json.dumps({**line, "at": told["at"], "asked": told["asked"]}))
    (folder / MANIFEST).write_text("".join(f"{line}\n" for line in lines))
    return folder
