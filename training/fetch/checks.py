"""What makes a bin complete: a photo that decodes to its last row, and metadata with a count.

Looks at bytes only; knows no files and no network.
"""

import hashlib
import io
import json

from PIL import Image, UnidentifiedImageError

from training.errors import BrokenRecordError
from training.records import truth_of
from training.serving.images import BadImage, check_size


def size_of(photo: bytes) -> tuple[int, int]:
    """Decode a JPEG file completely and give its width and height in pixels.

    Pillow's `verify` looks at nothing in a JPEG, so all of it is decoded. Raises BrokenRecordError.
    """
    try:
        with Image.open(io.BytesIO(photo), formats=("JPEG",)) as image:
            check_size(image)
            image.load()
            return image.size
    except BadImage as cause:
        raise BrokenRecordError(f"photo too large: {cause}") from cause
    except Exception as cause:  # damaged files make decoders raise almost anything
        raise BrokenRecordError(f"photo does not decode: {_without_addresses(cause)}") from cause


def manifest_line(image_id: str, photo: bytes, metadata: bytes) -> str:
    """Check a bin and describe it as one line of the manifest; raises BrokenRecordError for the first fault."""
    truth = truth_of(metadata)
    width, height = size_of(photo)
    facts = {
        "id": image_id,
        "count": truth.count,
        "asins": sorted(truth.asins),
        "bytes": len(photo),
        "sha256": hashlib.sha256(photo).hexdigest(),
        "width": width,
        "height": height,
    }
    return json.dumps(facts)


def _without_addresses(cause: Exception) -> str:
    """Say what went wrong the same way on every run: Pillow names the stream by its address in memory."""
    return "not a JPEG" if isinstance(cause, UnidentifiedImageError) else str(cause)
