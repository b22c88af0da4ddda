"""Where a series is heading and which promise is at risk.

In: samples, events (incidents, tickets, changes), configuration (SLOs, limits), feedback.
Out: forecasts with their own realised error, risks (capacity, SLO, ticket, incident) as calibrated probabilities.
"""
