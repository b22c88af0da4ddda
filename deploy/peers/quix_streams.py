"""Quix Streams as its documentation shows it: a streaming dataframe on a JSON topic, a function a message, scores to a topic."""

from __future__ import annotations

import tempfile

from quixstreams import Application
from work import Sample, asked


def main() -> None:
    """Score until enough is done."""
    broker, source, target, scorer = asked()
    app = Application(
        broker_address=broker,
        consumer_group="kizashi-peer-quix",
        auto_offset_reset="earliest",
        auto_create_topics=False,
        state_dir=tempfile.mkdtemp(),
        loglevel="ERROR",
    )
    frame = app.dataframe(app.topic(source, value_deserializer="json"))

    def score(samples: list[Sample]) -> list[Sample]:
        scored = scorer.score(samples)
        if scorer.finished:
            app.stop()
        return scored

    frame = frame.apply(score)
    frame.to_topic(app.topic(target, value_serializer="json"))
    app.run()
    scorer.report()


if __name__ == "__main__":
    main()
