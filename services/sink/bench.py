"""How fast the sink lands scores: decode, fence, columns, insert, watermarks. ``kizashi bench sink`` prints it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import msgspec
import numpy as np

from kizashi.contracts import topics
from kizashi.contracts.batches import ScoresBatch, encode_scores
from kizashi.settings import StoreSettings
from kizashi.store.client import connect
from kizashi.store.migrate import migrate
from kizashi.stream.records import Record
from services.sink.landing import Lander

ROWS_A_SLICE = 500
SLICES_A_MESSAGE = 100
MESSAGES_A_FLUSH = 3


class SinkBench(msgspec.Struct):
    """Result; rates count rows."""

    rows: int
    rows_per_s: float
    sink_cpu_s_per_million: float
    rows_per_sink_core_s: float
    stored: int
    bytes_a_row_on_disk: float


@dataclass(frozen=True)
class Load:
    """What is landed: ``messages`` scores messages of 50,000 rows over ``series`` series and ``partitions`` partitions."""

    messages: int = 60
    series: int = 10_000
    partitions: int = 12
    seed: int = 1


def records(load: Load) -> list[Record]:
    """Scores messages as anomaly sends them: a value a second and series, rounded to two digits, a band around it."""
    rng = np.random.default_rng(load.seed)
    ids = rng.integers(1, 2**63, load.series).astype(np.uint64)
    now_ms = time.time_ns() // 1_000_000
    done = [0] * load.partitions
    out = []
    for k in range(load.messages):
        p = k % load.partitions
        mine = ids[p :: load.partitions]
        n = ROWS_A_SLICE * SLICES_A_MESSAGE
        at = done[p] * SLICES_A_MESSAGE
        rows = np.arange(done[p] * n, (done[p] + 1) * n)
        done[p] += 1
        level = np.round(100 + 20 * np.sin(rows / 5_000), 1).astype(np.float32)
        values = np.round(level + rng.normal(size=n), 2).astype(np.float64)
        score, flags = rng.random(n, np.float32), np.zeros(n, np.uint8)
        offsets, counts = np.arange(at, at + SLICES_A_MESSAGE), np.full(SLICES_A_MESSAGE, ROWS_A_SLICE, np.uint32)
        who, when = mine[rows % len(mine)], now_ms - 86_400_000 + rows // len(mine) * 1_000
        batch = ScoresBatch("bench", p, now_ms, offsets, counts, who, when, values, score, level, level - 5, level + 5, flags, score, score)
        out.append(Record(topics.SCORES.name, p, done[p], encode_scores(batch), b"", now_ms))
    return out


def bench(settings: StoreSettings, load: Load | None = None) -> SinkBench:
    """Land a load in a database of its own on a running store, and drop it again. Raises StoreUnavailable."""
    mine = settings.model_copy(update={"database": f"{settings.database}_bench"})
    migrate(mine)
    store = connect(mine)
    try:
        lander = Lander(store, lambda _record, _gap: False)
        work = records(load or Load())
        cpu, wall, rows = time.process_time(), time.perf_counter(), 0
        for at in range(0, len(work), MESSAGES_A_FLUSH):
            flush = lander.prepare(work[at : at + MESSAGES_A_FLUSH], time.time_ns() // 1_000_000)
            rows += flush.rows
            lander.write(flush)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        stored = int(store.query("SELECT count() FROM samples FINAL").rows[0][0])
        size = store.query(
            "SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts WHERE active AND database = currentDatabase() AND table = 'samples'"
        ).rows[0][0]
        return SinkBench(rows, rows / wall, cpu / rows * 1e6, rows / cpu, stored, float(size))
    finally:
        store.command(f"DROP DATABASE IF EXISTS {mine.database} SYNC")
        store.close()
