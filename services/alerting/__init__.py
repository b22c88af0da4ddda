"""Alerting: who is told what, once, why, and through which channel.

In: ``episodes``, ``incidents``, ``risks``, ``outcomes``, ``rollups``, ``deliveries``, ``events`` (maintenance, topology), ``feedback``,
``config``.
Out: ``alerts`` (each with its state, and the gate that held it back), ``deliveries``. Partitioned by tenant; knows no database.

``model`` is the door: one ``PartitionModel`` holds every tenant of a partition. A finding passes ``rules`` and ``conditions`` (thresholds
and absence: ``watch``), the life of its alert (``states``), the gates (``silences``, ``inhibition``, maintenance that is configured or
``announced``, ``parents`` and ``dependents``, quiet hours), its groups (``grouping``, ``routing``), the ``budget``, ``escalation`` and
``schedules``;
``telling`` writes it down and ``outbox`` keeps it until its delivery has come back. ``why_not`` explains what stopped it, ``replay`` and
``tuning`` run the same chain over the log. All of it is pure. ``port`` answers the gateway, ``channels`` hold the courier and the doors
to the outside.
"""
