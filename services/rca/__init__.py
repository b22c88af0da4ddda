"""Root cause, grouping, dependencies and blast radius.

In: ``episodes``, ``rollups``, ``risks``, ``events`` (incidents, changes, maintenance, topology, tickets), ``feedback``, ``series``.
Out: ``incidents`` (with ranked causes and blast radius), dependency edges and change outcomes. Partitioned by tenant; knows no database.

``model`` is the door: one ``PartitionModel`` holds every tenant of a partition. Below it, each file is named after what it computes:
``dependencies`` and ``learned`` (who calls whom), ``spread`` and ``grouping`` (which findings share a cause), ``signals``, ``shift`` and
``ranking`` (which entity is the cause), ``blast`` (whom it hits), ``changes`` (what each deploy did), ``past`` (what people said, and what
looked alike), ``record`` and ``postmortem`` (the incident as people read it). All of it is pure: time arrives with the events.
"""
