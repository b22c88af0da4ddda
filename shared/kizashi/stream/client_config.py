"""How every confluent-kafka client of the house reaches the broker: address and security in one place."""

from __future__ import annotations

from kizashi.settings import KafkaSettings

ConfigValue = str | int | float | bool

GATHER_BYTES = 256 << 10
"""Least bytes of a fetch for readers in no hurry, of either client: a broker answers when so much has come, or when the reader's longest
wait is over. With Kafka's default of one byte it answers for every message of every partition, which costs it, and the reader that wakes,
a quarter of a millisecond each. Below the most bytes of one fetch, so that whoever is behind never waits (docs/decisions/0059)."""


def client_config(kafka: KafkaSettings, client_id: str) -> dict[str, ConfigValue]:
    """librdkafka settings for address and security, shared by producers, consumers and administration.

    A broker that is down is retried within a second, so that a restart costs little, and librdkafka's own
    log goes nowhere but to its callbacks: a broker that is away is told by our errors and health, once.
    """
    config: dict[str, ConfigValue] = {
        "bootstrap.servers": kafka.bootstrap,
        "client.id": client_id,
        "security.protocol": kafka.security,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "socket.keepalive.enable": True,
        "log.connection.close": False,
        "log_level": 2,
    }
    if kafka.security.startswith("SASL"):
        config |= {
            "sasl.mechanism": kafka.sasl_mechanism,
            "sasl.username": kafka.username,
            "sasl.password": kafka.password.get_secret_value(),
        }
    if kafka.ca_file is not None:
        config["ssl.ca.location"] = str(kafka.ca_file)
    return config
