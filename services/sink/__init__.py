"""Sink: every topic in, ClickHouse tables out. The only service that writes telemetry and findings to the store.

In: scores, series, episodes, patterns, forecasts, risks, incidents, edges, outcomes, alerts, deliveries, events, config, feedback.
Out: tables ``samples``, ``current``, ``series``, ``episodes`` … and, from them, the tiers ``samples_1m`` and ``samples_1h``.
"""
