"""A simulated landscape of twelve services and this machine's own metrics: first run, tests and load.

In: nothing. Out: `kizashi.metrics.v1` (native JSON), `kizashi.events.v1` (topology, changes, incidents, tickets), and once its promises
on `kizashi.config.v1`.
"""
