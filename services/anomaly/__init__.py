"""Anomaly detection, stream to stream.

In: samples, feedback, configuration. Out: scores, rollups, episodes, patterns.
From rollups and episodes, rates of groups and alarms go back into the samples.
"""
