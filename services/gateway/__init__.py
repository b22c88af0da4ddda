"""Gateway: the one address people and programs talk to.

In: ClickHouse (through ``kizashi.store``), the topics scores, episodes, incidents and alerts (live), config (folded).
Out: HTTP, WebSocket and the web client; config changes and feedback as topics; producers' requests are passed on to ingest.
"""
