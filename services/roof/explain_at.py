"""``kizashi explain SERIES --at T``: stored scores around T, the place in the log, and the production model replayed up to it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np

from kizashi.contracts.batches import HISTORY, SeriesInfo
from kizashi.contracts.ids import parse_series_id
from kizashi.contracts.scoring import SERIES_KIND, TENANT_KIND, Scoring, Sensitivity, scoring_from, sensitivity_from
from kizashi.errors import NotFound
from services.roof.ask import select

MOST_ROWS = 2_000_000
Parameters = dict[str, str | int | float]


def document(tenant: str, chosen: dict[str, Any], at_ms: int) -> dict[str, Any]:
    """Everything that is known about the newest value at or before ``at_ms``. Raises NotFound when nothing is stored."""
    from services.anomaly.replayed import explain_last

    series = str(chosen["series_id"])
    here: Parameters = {"tenant": tenant, "id": parse_series_id(series), "series": series, "at": at_ms, "rows": MOST_ROWS}
    rows = select(
        """SELECT toUnixTimestamp64Milli(ts) AS ts_ms, value, score / 1000 AS stored_score, point / 1000 AS point_score,
           novelty / 1000 AS novelty_score, expected, lower, upper, flags, src_topic, src_partition, src_offset FROM samples FINAL
           WHERE series_id = {id:UInt64} AND ts <= fromUnixTimestamp64Milli({at:Int64}) ORDER BY ts DESC LIMIT {rows:UInt64}""",
        parameters=here,
    )[::-1]
    if not rows:
        raise NotFound("nothing of this series is stored at or before that time: raw samples are kept for 14 days")
    ts, values = np.array([r["ts_ms"] for r in rows], np.int64), np.array([r["value"] for r in rows], float)
    flags = np.array([r["flags"] & HISTORY for r in rows], np.uint8)
    info = SeriesInfo(parse_series_id(series), tenant, str(chosen["metric"]), dict(chosen["labels"]))
    scoring, rule = configuration(here, info)
    verdicts = _verdicts(here)
    lived = explain_last(info, ts, values, flags, scoring, rule, verdicts)
    last = rows[-1]
    stored = {k: last[k] for k in ("ts_ms", "value", "expected", "lower", "upper", "stored_score", "point_score", "novelty_score", "flags")}
    place = {"topic_id": last["src_topic"], "partition": last["src_partition"], "offset": last["src_offset"]}
    return {
        "stored": stored,
        "place": place,
        "episode": _episode(here),
        "replayed": {"rows": lived.rows, "score": round(lived.score, 4), **msgspec.to_builtins(lived.explanation)},
        "rule": msgspec.to_builtins(rule) if rule else None,
        "verdicts": verdicts,
    }


def configuration(here: Parameters, info: SeriesInfo) -> tuple[Scoring | None, Sensitivity | None]:
    """The tenant's calendar and the rule of the series as they stand now; of two changes on one version the first has won."""
    log = select(
        "SELECT kind, id, based_on, deleted, body FROM v_config WHERE tenant = {tenant:String} AND kind IN ('scoring', 'sensitivity')"
        " ORDER BY src_offset",
        parameters=here,
    )
    standing: dict[tuple[str, str], tuple[int, dict[str, Any] | None]] = {}
    for row in log:
        place = (str(row["kind"]), str(row["id"]))
        if int(row["based_on"]) == standing.get(place, (0, None))[0]:
            standing[place] = (int(row["based_on"]) + 1, None if row["deleted"] else json.loads(row["body"]))
    living = sorted((kind, id_, body) for (kind, id_), (_, body) in standing.items() if body is not None)
    scoring = [scoring_from(body) for kind, _, body in living if kind == TENANT_KIND]
    rules = [rule for kind, _, body in living if kind == SERIES_KIND and (rule := sensitivity_from(body)).matches(info.metric, info.labels)]
    return (scoring[-1] if scoring else None), (rules[0] if rules else None)


def sentences(told: dict[str, Any]) -> list[str]:
    """The document in words."""
    s, r, p = told["stored"], told["replayed"], told["place"]
    inside = "inside" if s["lower"] <= s["value"] <= s["upper"] else "outside"
    lines = [
        f"value {s['value']:g}, {inside} the expected band {s['lower']:g} … {s['upper']:g} (expected {s['expected']:g})",
        f"stored score {s['stored_score']:.3f}; replayed over {r['rows']:,} stored samples {r['score']:.3f}; 1 is the boundary",
        f"gate: {r['gate']} - {r['gate_text']}",
        f"head: {r['head']}; evidence against noise {r['evidence']:.2f} of 1; an episode needs a score of {r['level']:.2f}",
        f"feedback has moved the boundary by {r['feedback_steps']:+d} steps",
        f"model {r['model']}, state {r['state_hash']}, {r['learned']:,} samples old",
        f"in the log: samples topic {p['topic_id']}, partition {p['partition']}, offset {p['offset']}",
    ]
    if told["episode"]:
        e = told["episode"]
        lines.append(f"episode {e['id']} ({e['kind']}, {e['state']}) since {e['time']}, peak score {e['peak_score']:.2f}, by {e['model']}")
    return lines


def _verdicts(here: Parameters) -> list[tuple[str, str]]:
    """Verdicts on the series in force."""
    rows = select(
        """SELECT target, verdict, undo, JSONExtractString(body, 'series_id') AS series FROM v_feedback WHERE tenant = {tenant:String}
           AND series = {series:String} ORDER BY time""",
        parameters=here,
    )
    given: dict[tuple[str, str], None] = {}
    for row in rows:
        key = (str(row["target"]), str(row["verdict"]))
        if row["undo"]:
            given.pop(key, None)
        else:
            given[key] = None
    return list(given)


def _episode(here: Parameters) -> dict[str, Any] | None:
    rows = select(
        """SELECT id, kind, state, time, timeEnd, direction, peak_score, head, JSONExtractString(body, 'model') AS model FROM v_episodes
           WHERE tenant = {tenant:String} AND series_id = {series:String} AND time <= fromUnixTimestamp64Milli({at:Int64})
           AND (state = 'open' OR timeEnd >= fromUnixTimestamp64Milli({at:Int64})) ORDER BY time DESC LIMIT 1""",
        parameters=here,
    )
    return rows[0] if rows else None
