"""What changed: every series of a tenant in a window against the time before it, ranked in the store."""

from __future__ import annotations

from services.gateway.queries import Statement

_RANKED = """
WITH
    greatest(spread_before, 0.02 * abs(before), 1e-12) AS scale,
    abs(during - before) / scale AS moved,
    abs(log(greatest(spread_during, 0.02 * abs(before), 1e-12) / scale)) AS wider
SELECT lower(leftPad(hex(id), 16, '0')) AS id, during, before, spread_during, spread_before, worst, odd_share,
    round(moved, 3) AS shift, round(wider, 3) AS widening,
    round(least(moved, 50) + 2 * least(wider, 5) + 5 * odd_share, 3) AS rank
FROM (@table)
WHERE rows_during > 0 AND rows_before > 0
ORDER BY rank DESC, id
LIMIT {limit:UInt32}
"""

_OURS = """
    series_id IN (SELECT series_id FROM series WHERE tenant = {tenant:String} AND ({service:String} = '' OR service = {service:String}))
"""

BY_MINUTE = Statement(
    "changed.minutes",
    _RANKED.replace(
        "@table",
        """
    SELECT m.series_id AS id, sumIf(m.samples, now) AS rows_during, sumIf(m.samples, NOT now) AS rows_before,
        sumIf(m.mean * m.samples, now) / rows_during AS during, sumIf(m.mean * m.samples, NOT now) / rows_before AS before,
        ifNotFinite(stddevPopIf(m.mean, now), 0) AS spread_during, ifNotFinite(stddevPopIf(m.mean, NOT now), 0) AS spread_before,
        maxIf(m.worst, now) / 1000 AS worst, sumIf(m.odd, now) / greatest(rows_during, 1) AS odd_share
    FROM (SELECT series_id, samples, mean, worst, odd, bucket >= toDateTime({start_s:UInt32}) AS now
          FROM samples_1m FINAL
          WHERE bucket >= toDateTime({base_s:UInt32}) AND bucket < toDateTime({end_s:UInt32}) AND @ours) AS m
    GROUP BY id
""".replace("@ours", _OURS),
    ),
)

BY_SAMPLE = Statement(
    "changed.samples",
    _RANKED.replace(
        "@table",
        """
    SELECT m.series_id AS id, countIf(now) AS rows_during, countIf(NOT now) AS rows_before,
        avgIf(m.value, now) AS during, avgIf(m.value, NOT now) AS before,
        ifNotFinite(stddevPopIf(m.value, now), 0) AS spread_during, ifNotFinite(stddevPopIf(m.value, NOT now), 0) AS spread_before,
        maxIf(m.score, now) / 1000 AS worst, countIf(now AND bitTest(m.flags, 1)) / greatest(rows_during, 1) AS odd_share
    FROM (SELECT series_id, value, score, flags, ts >= toDateTime64({start_s:UInt32}, 3) AS now
          FROM samples
          WHERE ts >= toDateTime64({base_s:UInt32}, 3) AND ts < toDateTime64({end_s:UInt32}, 3) AND @ours) AS m
    GROUP BY id
""".replace("@ours", _OURS),
    ),
)

TIER_THROUGH = Statement("changed.tier", "SELECT toUnixTimestamp(max(through)) AS through_s FROM tier_progress WHERE tier = 'samples_1m'")
