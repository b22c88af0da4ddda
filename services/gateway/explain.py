"""Why a value is called odd, or why not: each gate that a score passes on its way to an episode, with what it saw. Pure."""

from __future__ import annotations

from typing import Any

from kizashi.contracts.batches import BORROWED, DUPLICATE, HISTORY, LATE, LEARNING, QUARANTINED, UNSCORED

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


def explain(rows: list[dict[str, Any]], episode: dict[str, Any] | None, pattern: dict[str, Any] | None) -> dict[str, Any]:
    """``rows`` are the newest first, the one in question in front. ``gates`` are in the order they act; a closed one ends the way."""
    if not rows:
        return {"verdict": "no_data", "row": None, "gates": [], "notes": [], "episode": episode, "pattern": pattern, "before": []}
    row = rows[0]
    flags = int(row["flags"])
    gates = [{"gate": name, "open": not flags & bit, "text": text if flags & bit else ""} for name, bit, text in GATES]
    inside = row["lower"] is not None and row["upper"] is not None and row["lower"] <= row["value"] <= row["upper"]
    gates.append({"gate": "score", "open": row["score"] >= 1.0, "text": f"score {row['score']:.3f}, the boundary is 1"})
    gates.append(
        {"gate": "episode", "open": episode is not None, "text": "" if episode else "too few odd values in a row to open an episode"}
    )
    first_closed = next((g["gate"] for g in gates if not g["open"]), None)
    head = "point" if (row["point"] or 0) >= (row["novelty"] or 0) else "novelty"
    return {
        "verdict": "odd" if first_closed is None else first_closed,
        "row": row,
        "inside_band": inside,
        "head": head,
        "gates": gates,
        "notes": [{"note": name, "text": text} for name, bit, text in NOTES if flags & bit],
        "episode": episode,
        "pattern": pattern,
        "before": rows[1:],
    }
