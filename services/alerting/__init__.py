"""Alerting: who is told what, once, why, and through which channel.

In: ``episodes``, ``incidents``, ``risks``, ``outcomes``, ``rollups``, ``deliveries``, ``feedback``, ``config``.
Out: ``alerts`` (each with its state, and the gate that held it back), ``deliveries``. Partitioned by tenant; knows no database.
"""
