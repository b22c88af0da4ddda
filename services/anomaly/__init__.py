"""Anomaly detection, stream to stream. In: samples, events, feedback. Out: scores, rollups, episodes, patterns."""
