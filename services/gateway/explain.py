"""Why a value is called odd, or why not: each gate that a score passes on its way to an episode, with what it saw. Pure."""

from __future__ import annotations

from typing import Any

from kizashi.contracts.batches import ANOMALOUS, BORROWED, DUPLICATE, HISTORY, LATE, LEARNING, QUARANTINED, UNSCORED

GATES = (
    ("unscored", UNSCORED, "the scorer could not process the message that held this value"),
    ("learning", LEARNING, "the model has not seen enough of this series to judge it"),
    ("duplicate", DUPLICATE, "the same time was seen before: counted, not judged"),
    ("late", LATE, "older than the newest value: judged at its own time, opens no episode"),
    ("history", HISTORY, "imported on purpose: learned, opens no episode"),
)
NOTES = (
    ("borrowed", BORROWED, "season and spread come from similar series, not yet from this one"),
    ("quarantined", QUARANTINED, "inside an open episode: not learned until it ends"),
)

RULED = 0.99
"""A score that a rule on the series has kept under the boundary."""
NEARLY = 0.999
"""Heads are stored in thousandths: the one that is as large as the score has spoken."""


def explain(rows: list[dict[str, Any]], episode: dict[str, Any] | None, pattern: dict[str, Any] | None) -> dict[str, Any]:
    """``rows`` are the newest first, the one in question in front. ``gates`` are in the order they act; a closed one ends the way."""
    if not rows:
        empty: dict[str, Any] = {"row": None, "place": None, "model": "", "gates": [], "notes": [], "before": []}
        return {"verdict": "no_data", **empty, "episode": episode, "pattern": pattern}
    row = rows[0]
    flags = int(row["flags"])
    gates = [{"gate": name, "open": not flags & bit, "text": text if flags & bit else ""} for name, bit, text in GATES]
    inside = row["lower"] is not None and row["upper"] is not None and row["lower"] <= row["value"] <= row["upper"]
    ruled = row["score"] == RULED
    gates.append({"gate": "rule", "open": not ruled, "text": "too small for its rule, or in the other direction" if ruled else ""})
    gates.append({"gate": "score", "open": row["score"] >= 1.0, "text": f"score {row['score']:.3f}, the boundary is 1"})
    gates.append(
        {"gate": "episode", "open": episode is not None, "text": "" if episode else "too few odd values in a row to open an episode"}
    )
    part_of_one = episode is not None and bool(flags & ANOMALOUS)
    first_closed = None if part_of_one else next((g["gate"] for g in gates if not g["open"]), None)
    head = "novelty" if (row["novelty"] or 0) >= NEARLY * row["score"] else "point"
    return {
        "verdict": "odd" if first_closed is None else first_closed,
        "row": row,
        "place": {"topic_id": row.get("src_topic"), "partition": row.get("src_partition"), "offset": row.get("src_offset")},
        "model": (episode or {}).get("model", ""),
        "inside_band": inside,
        "head": head,
        "gates": gates,
        "notes": [{"note": name, "text": text} for name, bit, text in NOTES if flags & bit],
        "episode": episode,
        "pattern": pattern,
        "before": rows[1:],
    }
