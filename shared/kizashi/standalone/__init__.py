"""One machine: the Kafka process, the embedded ClickHouse server and the supervisor of all children."""
