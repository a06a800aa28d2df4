"""Links to photos in S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalicelib.domain import BinImage

_LIFETIME_S = 300


class S3Pictures:
    """`ports_api.Pictures` over an S3 client, which must sign with `s3v4`: an older signature never expires here."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def link(self, image: BinImage) -> str:
        """Sign a link, without a call; whatever was uploaded, browsers are told that it is a picture."""
        media_type = "image/png" if image.key.lower().endswith(".png") else "image/jpeg"
        parameters = {"Bucket": image.bucket, "Key": image.key, "ResponseContentType": media_type}
        if image.version:
            parameters["VersionId"] = image.version
        link: str = self._s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=_LIFETIME_S)
        return link
