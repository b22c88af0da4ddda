"""Connection arguments of aiokafka and Faust, from our settings. The confluent client has its own in ``producer``."""

from __future__ import annotations

import ssl
from typing import Any

import faust
from aiokafka.helpers import create_ssl_context

from kizashi.settings import KafkaSettings

COMPRESSION = "zstd"
"""What aiokafka's producers pack with. Its lz4 is fixed at level 9: 0.4-1.1 CPU-seconds a million scores; its zstd (level 3) takes 0.05
and leaves 0.13 of the bytes instead of 0.32 (docs/decisions/0046)."""


def tls(kafka: KafkaSettings) -> ssl.SSLContext | None:
    """TLS context when the security protocol wants one; the broker's name is checked."""
    if not kafka.security.endswith("SSL"):
        return None
    context: ssl.SSLContext = create_ssl_context(cafile=str(kafka.ca_file) if kafka.ca_file else None)
    return context


def aiokafka_arguments(kafka: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments that every aiokafka client takes."""
    arguments: dict[str, Any] = {"bootstrap_servers": kafka.bootstrap, "security_protocol": kafka.security, "ssl_context": tls(kafka)}
    if kafka.security.startswith("SASL"):
        arguments |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.username,
            "sasl_plain_password": kafka.password.get_secret_value(),
        }
    return arguments


def faust_credentials(kafka: KafkaSettings) -> faust.SASLCredentials | faust.SSLCredentials | None:
    """Faust's ``broker_credentials``."""
    context = tls(kafka)
    if kafka.security.startswith("SASL"):
        return faust.SASLCredentials(
            mechanism=kafka.sasl_mechanism, username=kafka.username, password=kafka.password.get_secret_value(), ssl_context=context
        )
    return faust.SSLCredentials(context) if context else None
