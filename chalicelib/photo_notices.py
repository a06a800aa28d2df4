"""How a call for another photo reads: as JSON, as attributes for subscribers' filters, as text for a person. Pure.

It has a kind and a verdict of its own, so that robots can subscribe to nothing else, and no severity, so that who asked
for severe alerts alone is left in peace. `link` is the bin's address for people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.items import timestamp
from chalicelib.photo_call import PHOTO_REQUEST

if TYPE_CHECKING:
    from chalicelib.photo_call import PhotoCall


def message_of(call: PhotoCall, link: str) -> dict[str, Any]:
    """Return the JSON object that subscribers receive."""
    image = call.image
    return {
        "kind": PHOTO_REQUEST,
        "alert_id": call.alert_id,
        "bin_id": call.bin_id,
        "consignment_id": call.consignment_id,
        "site": call.site,
        "verdict": PHOTO_REQUEST,
        "expected": call.expected,
        "by": call.by,
        "note": call.note,
        "image": {"bucket": image.bucket, "key": image.key, "version": image.version} if image else None,
        "link": link,
        "at": timestamp(call.at),
    }


def attributes_of(call: PhotoCall) -> dict[str, str | list[str]]:
    """Return what subscribers' filters may look at."""
    return {"kind": PHOTO_REQUEST, "verdict": PHOTO_REQUEST, **({"site": call.site} if call.site else {})}


def subject_of(call: PhotoCall) -> str:
    """Return the subject line."""
    return f"Bin {call.bin_id}: another photo is asked for"


def text_of(call: PhotoCall, link: str) -> str:
    """Return what a person reads who takes photos: of which bin, why, and what becomes of it."""
    place = [f"Site: {call.site}", f"Consignment: {call.consignment_id}"] if call.site else []
    newest = [f"Newest photo: s3://{call.image.bucket}/{call.image.key}"] if call.image else ["There is no photo yet."]
    blocks = [
        [subject_of(call)],
        [f"Asked for by: {call.by}", *([f"They say: {call.note}"] if call.note else [])],
        [
            f"What to do: photograph bin {call.bin_id} and upload it as <prefix>/{call.bin_id}/<name>.jpg.",
            "The first photo that is taken after this request answers it.",
        ],
        [*place, *newest, f"The bin: {link} (sign in)"],
        [f"Request {call.alert_id}, {timestamp(call.at)}"],
    ]
    return "\n\n".join("\n".join(block) for block in blocks)
