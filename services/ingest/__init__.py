"""Takes metrics and events from producers and cuts them into columnar batches of registered series.

In: `kizashi.metrics.v1`, `kizashi.metrics.v1.TENANT`, HTTP. Out: `kizashi.samples.v1`, `kizashi.series.v1`,
`kizashi.events.v1`, `kizashi.metrics.dlq.v1`.
"""
