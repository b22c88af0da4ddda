"""Faust and River as their documentation shows them: an agent on a JSON topic, one model a series, scores sent to a topic."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import faust
from work import asked


def main() -> None:
    """Score until enough is done."""
    broker, source, target, scorer = asked()
    app = faust.App(
        "kizashi-peer-faust", broker=f"kafka://{broker}", store="memory://", datadir=tempfile.mkdtemp(), value_serializer="json",
        consumer_auto_offset_reset="earliest", topic_allow_declare=False, topic_disable_leader=True, web_enabled=False,
        producer_max_request_size=4 << 20,
    )  # fmt: skip
    scores = app.topic(target, value_serializer="json")

    @app.agent(app.topic(source, value_serializer="json"))
    async def score(stream: Any) -> None:
        async for samples in stream:
            sent = await scores.send(value=scorer.score(samples))
            if scorer.finished:
                await sent
                scorer.report()
                os._exit(0)  # a worker has no way to stop itself that does not wait for its timers

    faust.Worker(app, loglevel="ERROR", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
