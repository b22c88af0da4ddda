"""Every metric of every process: name, help and labels, as typed constants.

Labels come from closed sets (service, topic, outcome, reason); a series, host, key or id is never a label.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

DELAY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

RECEIVED = Counter("kizashi_received_samples", "Samples taken from producers", ["via"])
STORED = Counter("kizashi_registered_samples", "Samples cut into batches and acknowledged by Kafka", ["via"])
REJECTED = Counter("kizashi_rejected_samples", "Samples refused one by one, with the reason", ["reason"])
DEAD_LETTERED = Counter("kizashi_dead_letters", "Messages moved to a dead-letter topic", ["topic", "reason"])
DUPLICATES = Counter("kizashi_duplicate_samples", "Samples whose (series, time) was seen before", ["service"])
SCORED = Counter("kizashi_scored_samples", "Samples scored")
EPISODES = Counter("kizashi_episodes", "Episodes opened", ["kind"])
LANDED = Counter("kizashi_landed_rows", "Rows written to ClickHouse", ["table"])
CUT_OFF = Counter("kizashi_cut_off_rows", "Rows dropped by the sink's fence because they had landed before", ["topic"])
LAG = Gauge("kizashi_consumer_lag", "Messages between the end of a topic and the group's committed offset", ["topic"])
HELD = Gauge("kizashi_input_topics_held", "Input topics not read any more because most of their messages are invalid")
FRESHNESS = Gauge("kizashi_freshness_seconds", "Age of the newest sample that reached this stage", ["stage"])
DELAY = Histogram("kizashi_delay_seconds", "From the writer's clock to this stage", ["stage"], buckets=DELAY_BUCKETS_S)
BATCH = Histogram("kizashi_step_seconds", "Time of one batch by stage", ["stage"], buckets=DELAY_BUCKETS_S)
SNAPSHOT = Histogram("kizashi_snapshot_seconds", "Time to write one state snapshot", ["service"], buckets=DELAY_BUCKETS_S)
RESTARTS = Gauge("kizashi_child_restarts", "Restarts of each child process since the supervisor started", ["service"])
IGNORED_CHANGES = Counter("kizashi_ignored_config_changes", "Configuration changes not applied, by reason", ["reason"])
WS_CLIENTS = Gauge("kizashi_websocket_clients", "Open WebSocket connections")
REQUESTS = Histogram("kizashi_request_seconds", "HTTP requests by route and status class", ["route", "status"], buckets=DELAY_BUCKETS_S)
CACHE = Counter("kizashi_cache_lookups", "Look-ups in the result cache", ["layer", "outcome"])
SCHEDULED_QUERIES = Counter("kizashi_scheduled_queries", "Turns of scheduled queries, by what came of them", ["outcome"])
DELIVERIES = Counter("kizashi_deliveries", "Attempts to tell somebody, by type of channel and outcome", ["type", "outcome"])
TOLD = Histogram("kizashi_told_seconds", "From a notification's making to the channel that took it", ["type"], buckets=DELAY_BUCKETS_S)
