"""What the house needs to know about its surroundings. Read once, at the roof, and passed in; nothing here reads the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from kizashi.contracts.topics import HOT_PARTITIONS

MIB = 1_048_576


class KafkaSettings(BaseModel):
    """Where the bus is. ``security`` other than PLAINTEXT needs the fields below it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bootstrap: str = "127.0.0.1:9092"
    """Brokers to ask first, ``host:port`` with commas between."""
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How the broker is reached."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How the user is proved when ``security`` is SASL."""
    username: str = ""
    password: SecretStr = SecretStr("")
    ca_file: Path | None = None
    """Certificates that the broker's is checked against; None takes the system's."""
    replication: int = Field(default=1, ge=1, le=5)
    """Copies of each partition when topics are made."""
    partitions: int = Field(default=HOT_PARTITIONS, ge=1, le=512)
    """Partitions of hot topics when they are made; set once, since a series never moves."""


class StoreSettings(BaseModel):
    """Where ClickHouse is: its HTTP interface, the database and the credentials."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8123, ge=1, le=65535)
    secure: bool = False
    """HTTPS."""
    user: str = "kizashi"
    password: SecretStr = SecretStr("")
    database: str = "kizashi"
    cluster: str = ""
    """Name of the ClickHouse cluster that migrations are rendered for; empty for one node."""


class OneMachineSettings(BaseModel):
    """What ``kizashi up`` starts by itself, and how much it may take. Ports of 0 let the system choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kafka_port: int = Field(default=9092, ge=0, le=65535)
    """Port of the broker."""
    store_port: int = Field(default=8123, ge=0, le=65535)
    """Port of the embedded ClickHouse's HTTP interface."""
    kafka_disk_mb: int = Field(default=16_384, ge=1_024)
    """Cap of the broker's closed segments, shared by all partitions."""
    kafka_heap_mb: int = Field(default=256, ge=96)
    """Heap of the broker."""
    least_free_disk_mb: int = Field(default=2_048, ge=0)
    """``kizashi up`` refuses to start with less."""
    least_free_memory_mb: int = Field(default=1_024, ge=0)
    """``kizashi up`` refuses to start with less."""
    demo: bool = True
    """Stream this machine's own metrics and the simulated landscape."""


class IngestLimits(BaseModel):
    """Limits that a tenant or a request meets. Every one is there so that memory is bounded under any input."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    body_bytes: int = Field(default=8 * MIB, ge=1)
    """A request body as it arrives."""
    decoded_bytes: int = Field(default=32 * MIB, ge=1)
    """The same after decompression."""
    ratio: int = Field(default=100, ge=1)
    """Decoded bytes for one compressed byte: honest metrics compress 5-20 times."""
    held_bytes: int = Field(default=128 * MIB, ge=1)
    """Bodies of all requests that are being answered; behind that the answer is 503."""
    waiting_samples: int = Field(default=400_000, ge=1)
    """Samples of requests that wait for the lane, about 100 MB; behind that the answer is 503."""
    request_samples: int = Field(default=10_000, ge=1)
    labels: int = Field(default=30, ge=1)
    name_bytes: int = Field(default=128, ge=1)
    label_value_bytes: int = Field(default=1_024, ge=1)
    unit_bytes: int = Field(default=64, ge=1)
    active_series: int = Field(default=100_000, ge=1)
    """Series of a tenant seen within ``idle_ms``."""
    new_series_per_s: float = Field(default=1_000.0, ge=0.0)
    new_series_burst: int = Field(default=20_000, ge=1)
    """A fleet that is connected for the first time arrives at once."""
    idle_ms: int = Field(default=6 * 3_600_000, ge=1)
    future_ms: int = Field(default=5 * 60_000, ge=1)
    """Clocks of honest senders are off by seconds; a sample further ahead would hide all real ones behind it."""


class Settings(BaseModel):
    """All settings of a process; ``kizashi.toml`` and ``KIZASHI_*`` variables fill them (docs/reference/settings.md)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    environment: Literal["development", "production"] = "development"
    """``production`` refuses defaults that trust the machine."""
    home: Path = Path(".kizashi")
    """Data folder: everything that is kept lives below it."""
    bind: str = "127.0.0.1"
    """Address that the gateway and the observe ports listen on."""
    port: int = Field(default=8080, ge=0, le=65535)
    """The gateway's port: web client, API, WebSocket."""
    ingest_port: int = Field(default=8081, ge=0, le=65535)
    """Ingest's HTTP receivers; the gateway passes their paths through."""
    ingest_host: str = "127.0.0.1"
    """Where the gateway finds ingest."""
    public_url: str = Field(default="", pattern=r"^(https?://[^\s/?#]+)?$")
    """Where people reach the gateway, such as https://kizashi.example.com, for the links of a page; empty takes ``bind`` and ``port``."""
    gateway_host: str = ""
    """Where alerting asks the gateway for charts; empty takes ``bind``, or this machine when that is every address."""
    alerting_port: int = Field(default=8082, ge=0, le=65535)
    """Alerting's inner HTTP: what the gateway asks it for people. 0 lets the system choose."""
    alerting_host: str = "127.0.0.1"
    """Where alerting listens, and the gateway finds it; every address of the name is a worker."""
    alerting_workers: str = Field(default="", pattern=r"^[ ,]*([\w.-]+(:[0-9]{1,5})?[ ,]*)*$", max_length=4_000)
    """Further workers of alerting that the gateway asks, as name or name:port with commas between; needed when they share no name."""
    alerting_hosts: str = ""
    """Hosts, as name or name:port with commas between, that channels may reach although their address is private."""
    observe_port: int = Field(default=0, ge=0, le=65535)
    """This process's /metrics, /livez and /readyz; 0 lets the system choose and prints it."""
    kafka: KafkaSettings = KafkaSettings()
    store: StoreSettings = StoreSettings()
    redis: SecretStr | None = None
    """``redis://…``; None keeps cache, sessions and fan-out in memory."""
    signing_key_file: Path | None = None
    """Key that signs configuration changes; None means ``home/secrets/config.key``."""
    one_machine: OneMachineSettings = OneMachineSettings()
    ingest: IngestLimits = IngestLimits()
    tenant: str = "default"
    """Tenant of what this machine sends and asks for."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def people_url(self) -> str:
        """The gateway's address as people know it."""
        return self.public_url or f"http://{self.bind}:{self.port}"

    @property
    def alerting_places(self) -> list[tuple[str, int]]:
        """(host, port) of everybody who may answer for alerting."""
        named = (w.partition(":") for w in self.alerting_workers.replace(",", " ").split())
        return [(self.alerting_host, self.alerting_port), *((host, int(port or self.alerting_port)) for host, _, port in named)]

    @property
    def near_host(self) -> str:
        """Where the gateway is reached from this machine; it may listen on every address."""
        return "127.0.0.1" if self.bind in ("", "0.0.0.0", "::") else self.bind  # noqa: S104  # compared, not bound

    @property
    def near_url(self) -> str:
        """The gateway's address as reached from this machine."""
        return f"http://{_in_url(self.near_host)}:{self.port}"

    @property
    def gateway_url(self) -> str:
        """The gateway's address as another service reaches it."""
        return f"http://{_in_url(self.gateway_host or self.near_host)}:{self.port}"

    @property
    def signing_key_path(self) -> Path:
        """Where the configuration signing key is."""
        return self.signing_key_file or self.home / "secrets" / "config.key"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
