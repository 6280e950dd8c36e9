"""The live part: events over HTTP to the API, through the log and the flow, into the features."""

import time
from collections.abc import Iterable, Iterator

import httpx2 as httpx
from redis import Redis

from ebbtide.demo.services import Service
from ebbtide.domain.ingest import MAX_BATCH_BYTES
from ebbtide.errors import EbbtideError
from ebbtide.jobs.progress import Advance
from ebbtide.logs.events import RedisEventLog
from ebbtide.logs.offsets import committed
from streaming.learner import last_midnight, saved

_ROOM = MAX_BATCH_BYTES - 1024
_EVENTS = 500


def send(client: httpx.Client, write_key: str, events: Iterable[bytes], advance: Advance) -> int:
    """Post events to `/v1/batch`, in order and within its limits; gives how many were accepted."""
    accepted = 0
    for batch in _batches(events):
        body = b'{"batch":[' + b",".join(batch) + b"]}"
        answer = client.post("/v1/batch", content=body, auth=(write_key, ""))
        if answer.status_code != httpx.codes.OK:
            raise EbbtideError(f"POST /v1/batch: expected 200, found {answer.status_code}: {answer.text}")
        accepted += answer.json()["accepted"]
        advance(len(batch))
    return accepted


def _batches(events: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for event in events:
        if batch and (len(batch) == _EVENTS or size + len(event) > _ROOM):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += len(event) + 1
    if batch:
        yield batch


def wait_until_applied(client: Redis, partitions: int, flow: Service) -> None:
    """Return once the flow has stored the effects of all that is logged."""
    log = RedisEventLog(client, partitions)
    for partition in range(partitions):
        last = log.last_offset(partition)
        while committed(client, partition) < last:
            flow.must_run()
            time.sleep(0.05)


def wait_until_learned(client: Redis, last_event: float, flow: Service) -> dict[str, float]:
    """Return the online model's running metrics, once it has come to the last event's time."""
    while (form := saved(client)) is None or form.midnight < last_midnight(last_event):
        flow.must_run()
        time.sleep(0.05)
    return form.metrics
