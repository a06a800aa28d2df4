"""`upload`: a split into a private bucket."""

from pathlib import Path
from typing import Annotated, Any

import typer

from training.progress import on_terminal

_SHOWN = 20


def upload(  # noqa: PLR0913 - one parameter per option
    data: Annotated[Path, typer.Option(help="Folder that `split` wrote.", exists=True)],
    to: Annotated[str, typer.Option(help="Where to: s3://bucket/prefix. A prefix holds one split.")],
    workers: Annotated[int, typer.Option(min=1, help="Requests at the same time.")] = 16,
    kms_key: Annotated[
        str | None, typer.Option(help="ARN of the KMS key that encrypts; S3's own (AES256) without one.")
    ] = None,
    expected_bucket_owner: Annotated[
        str | None, typer.Option(help="Account id: stop if the bucket is somebody else's.")
    ] = None,
    *,
    create: Annotated[
        bool, typer.Option("--create", help="Make the bucket if need be: private, encrypted, versioned, TLS only.")
    ] = False,
    compare: Annotated[
        bool,
        typer.Option("--verify", help="Send nothing: compare every object with the manifest; exit 1 if one differs."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Ask and send nothing: tell how much, and the cost.")
    ] = False,
) -> None:
    """Upload a split to a private, encrypted bucket; run it again after an interruption and it goes on.

    What is there with the same size and SHA-256 is not sent again; the manifest goes last, so its presence says that
    the upload is complete. A bucket that may be public or does not encrypt by default is refused. Credentials and
    region are those of the AWS command line.

        python -m training upload --data bins-split --to s3://my-bins/split-1 --dry-run
        python -m training upload --data bins-split --to s3://my-bins/split-1 --create
        python -m training upload --data bins-split --to s3://my-bins/split-1 --verify
    """
    from training.private_bucket import PrivateBucket, telling
    from training.upload import estimate, files_of, verify
    from training.upload import upload as send

    if dry_run:
        _show_estimate(estimate(files_of(data)), to)
        return
    with telling(to):
        target = PrivateBucket.at(_client(workers), to, expected_bucket_owner, kms_key)
        if create and not compare:
            target.protect()
    if compare:
        _show_differences(verify(data, target, workers=workers, progress=on_terminal), to)
        return
    done = send(data, target, workers=workers, progress=on_terminal)
    print(f"{to}: {done.sent:,} files sent ({done.sent_bytes / 1e6:,.1f} MB), {done.kept:,} were there")


def _client(workers: int) -> Any:
    import boto3
    from botocore.config import Config

    retries = {"mode": "adaptive", "max_attempts": 10}  # slows down when S3 asks for it
    return boto3.client("s3", config=Config(max_pool_connections=workers, retries=retries))


def _show_estimate(estimate: Any, to: str) -> None:
    print(f"{to}: {estimate.objects:,} objects, {estimate.bytes / 1e6:,.1f} MB")
    print(f"about ${estimate.put_cost:.2f} for the requests, then ${estimate.monthly_cost:.2f} a month (us-east-1)")


def _show_differences(found: Any, to: str) -> None:
    for name in ("missing", "extra", "different"):
        paths = getattr(found, name)
        for path in paths[:_SHOWN]:
            print(f"{name}: {path}")
        if len(paths) > _SHOWN:
            print(f"{name}: {len(paths) - _SHOWN:,} more")
    if found:
        raise typer.Exit(1)
    print(f"{to}: every object is there with the right size and checksum, and no other")
