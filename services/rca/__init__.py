"""Root cause, grouping, dependencies and blast radius.

In: ``episodes``, ``rollups``, ``risks``, ``events`` (incidents, changes, maintenance, topology, tickets), ``feedback``, ``series``.
Out: ``incidents`` (with ranked causes and blast radius), dependency edges and change outcomes. Partitioned by tenant; knows no database.

``model`` is the door: one ``PartitionModel`` holds every tenant of a partition. Below it, each file is named after what it computes:
``dependencies`` and ``learned`` (who calls whom), ``spread`` and ``grouping`` (which findings share a cause), ``signals``, ``window``,
``traffic``, ``shift``, ``evidence``, ``ways`` and ``ranking`` (which entity is the cause), ``blast`` and ``impact`` (whom and how much it
hits), ``changes`` (what each deploy did), ``past`` (what people said, and what looked alike), ``record`` and ``postmortem`` (what people
read), ``ask`` (the same arithmetic for a question beside the stream). All of it is pure: time arrives with the events.

Measured by ``bench`` and ``results``, on recorded cases and on the seeded landscapes of ``simulate_storm`` and ``simulate_case``.
"""
