"""Where a series is heading and which promise is at risk.

In: samples; rollups, events (incidents, tickets, changes) and episodes; configuration (objectives, ticket promises, calendars, limits).
Out: forecasts with their own realised error, risks (capacity, SLO, ticket, incident) as calibrated probabilities.
"""
