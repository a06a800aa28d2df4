"""Entry points, one short function per event source: parse, call one function, shape the reply."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent
from chalice.app import Chalice, ConvertToMiddleware

from chalicelib import alerts, api, events, telemetry, wiring
from chalicelib.domain import Alert
from chalicelib.inbox import work_off
from chalicelib.statistics import Happened, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from chalice.app import AuthRequest, DynamoDBEvent, SQSEvent

    from chalicelib.domain import BinImage, Rejection
    from chalicelib.photo_call import Raised

    Told = tuple[DynamoDBRecord, events.StatusChange | Rejection, Raised | None]
    """A record of the stream, what it tells, and the alert or the call for a photo that follows."""

PLACEHOLDER = "arn:aws:dummy:::replaced-by-the-template"
"""Chalice wants an address; the merged template puts the real resource in its place."""

app = Chalice(app_name="bincheck")
app.register_middleware(ConvertToMiddleware(telemetry.logger.inject_lambda_context(clear_state=True)))
app.register_middleware(ConvertToMiddleware(telemetry.tracer.capture_lambda_handler(capture_response=False)))

_batch = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@app.on_sqs_message(queue_arn=PLACEHOLDER, batch_size=10)
def on_inbox(event: SQSEvent) -> Any:
    """Photos and consignments have landed: take up each, and hand back the messages that have to come again."""
    with telemetry.metrics_told():
        return process_partial_response(
            event=event.to_dict(), record_handler=_work_off, processor=_batch, context=event.context
        )


@app.on_dynamodb_record(stream_arn=PLACEHOLDER, batch_size=100)
def on_status_change(event: DynamoDBEvent) -> None:
    """Bins have changed: send the alerts that follow, then count; a failure makes the stream offer the batch again."""
    told = list(_told_in(event))
    raised = [alert for *_, alert in told if alert]
    if raised:
        with telemetry.metrics_told():
            for alert, ruling in wiring.alerter().work_off(raised):
                telemetry.tell_alert(alert, ruling)
    # Last, so that a batch that comes again because an alert failed has not been counted yet.
    counts = counted(_happened_in(told))
    if counts.sites:
        wiring.counters().add(counts)


@app.authorizer()
def authorize(request: AuthRequest) -> dict[str, Any]:
    """Someone calls the API: say what their token allows them to do."""
    return wiring.authorizer().authorize(request.token, request.method_arn)


api.register(app, wiring.world, authorize, wiring.page_settings)


def _told_in(event: DynamoDBEvent) -> Iterator[Told]:
    for record in DynamoDBStreamEvent(event.to_dict()).records:
        item = record.dynamodb
        change = events.change_in(item.old_image, item.new_image) if item else None
        if change:
            yield record, change, alerts.raised_by(change)


def _happened_in(told: Iterable[Told]) -> Iterator[Happened]:
    for record, change, raised in told:
        if isinstance(change, events.StatusChange):
            written = record.dynamodb.approximate_creation_date_time if record.dynamodb else None
            at = datetime.fromtimestamp(written, UTC) if written else change.after.changed_at
            yield Happened(record.event_id or "", at, change.before, change.after, alerted=isinstance(raised, Alert))


def _work_off(record: SQSRecord) -> None:
    message = events.Message(
        record.message_id,
        record.body,
        record.receipt_handle,
        int(record.attributes.approximate_receive_count),
    )
    try:
        work_off(message, _take_up, wiring.inbox(), wiring.settings().retry_rule)
    except Exception as failure:
        telemetry.tell_message_kept(failure)
        raise


def _take_up(file: BinImage) -> None:
    """Check a photo, or load a consignment's file: its key tells which of the two it is."""
    telemetry.correlate(file)
    is_consignment = file.key.startswith(wiring.settings().text("CONSIGNMENTS_PREFIX"))
    try:
        if is_consignment:
            telemetry.tell_file(wiring.receiver().receive(file))
        else:
            outcome, is_new = wiring.checker().check(file)
            telemetry.tell_outcome(outcome, is_new=is_new)
    except Exception as failure:
        telemetry.tell_failure(failure)
        raise
