"""The flow: events in, features out. The same one runs over an import and live."""

import gc
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.inputs import Source
from bytewax.outputs import Sink
from bytewax.run import cli_main

from ebbtide.errors import EbbtideError
from streaming.changes import Batch, Changes
from streaming.updater import Updater

if TYPE_CHECKING:  # River imports slowly, and an import of a log learns nothing online
    from models.recommendations.item_store import Written
    from streaming.action_learner import ActionLearner, Learned
    from streaming.item_keeper import ItemKeeper
    from streaming.learner import OnlineLearner

LEARNER, ACTIONS, ITEMS = "churn", "actions", "items"
"""The one key of each step that knows it all: however many workers there are, one learns, or counts."""


def run(
    flow: Dataflow, *, workers: int = 1, process: int | None = None, addresses: Sequence[str] = ()
) -> None:
    """Run the flow until its source ends.

    Args:
        flow: made by `build`.
        workers: threads in this process.
        process: which of the processes at `addresses` this one is, from 0; None if it is the only one.
        addresses: `host:port` of every process, the same list for all.

    Raises:
        EbbtideError: another process ended, and this one with it.
        Exception: whatever a step raised, without the wrapping that Bytewax puts around it.
    """
    # The collector would walk every state that a worker keeps, again and again; they hold no cycles.
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 1_000)
    try:
        cli_main(  # type: ignore[no-untyped-call]
            flow,
            workers_per_process=workers,
            process_id=process,
            addresses=list(addresses) if process is not None else None,
        )
    except BytewaxRuntimeError as error:
        cause: BaseException = error
        while isinstance(cause, BytewaxRuntimeError) and cause.__cause__ is not None:
            cause = cause.__cause__
        raise cause from None
    except BaseException as error:
        # Bytewax's threads panic when a peer hangs up. The type cannot be imported, and is no Exception.
        if process is None or type(error).__name__ != "PanicException":
            raise
        peers = [f"{n} at {address}" for n, address in enumerate(addresses) if n != process]
        raise EbbtideError(
            f"flow: expected process {' and '.join(peers)} to run as long as this one ({process}), found it "
            "ended; see what it says, then start all processes again: nothing is lost"
        ) from None


def build(
    source: Source[Batch],
    sink: Sink[Changes],
    updater: Updater,
    learner: "OnlineLearner | None" = None,
    learned: Sink[tuple[str, bytes]] | None = None,
    actions: "ActionLearner | None" = None,
    outcomes: "Sink[tuple[str, Learned]] | None" = None,
    items: "ItemKeeper | None" = None,
    shelf: "Sink[tuple[str, Written]] | None" = None,
) -> Dataflow:
    """Wire the flow: batches of one partition each, to changed states, to the sink.

    A partition of the source lives on one worker, and so do its customers: nobody else writes them.
    With a learner, a sample of the changes goes to the online model, and its saved forms to `learned`. With
    `actions`, decisions are joined with what came after them, and learned from; it goes to `outcomes`. With
    `items`, orders and views are counted by product; it goes to `shelf`.
    """
    flow = Dataflow("ebbtide")
    batches = op.input("events", flow, source)
    changes = op.map("update", batches, updater.apply)
    op.output("features", changes, sink)
    if learner is not None and learned is not None:
        samples = op.flat_map("sample", changes, learner.sample)
        keyed: op.KeyedStream[Any] = op.key_on("learner", samples, lambda _: LEARNER)
        saved = op.stateful_batch("learn", keyed, learner.logic)
        op.output("learned", saved, learned)
    if actions is not None and outcomes is not None:
        heard = op.flat_map("hear", changes, actions.hear)
        joined: op.KeyedStream[Any] = op.key_on("actions", heard, lambda _: ACTIONS)
        due = op.stateful_batch("attribute", joined, actions.logic)
        op.output("outcomes", due, outcomes)
    if items is not None and shelf is not None:
        told = op.flat_map("tell", changes, items.tell)
        counted: op.KeyedStream[Any] = op.key_on("items", told, lambda _: ITEMS)
        written = op.stateful_batch("count", counted, items.logic)
        op.output("shelf", written, shelf)
    return flow
