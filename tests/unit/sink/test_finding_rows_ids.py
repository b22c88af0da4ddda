"""Series ids keep all 64 bits, also when one batch holds small and large ones."""

from __future__ import annotations

import numpy as np

from kizashi.contracts.batches import SeriesInfo
from services.sink.finding_rows import Landed, series


def test_ids_on_both_sides_of_the_sign_bit_keep_their_digits() -> None:
    ids = [678564296778393872, 13033982409830963869, 2**64 - 1, 1]
    ((_, block),) = series([Landed(SeriesInfo(i, "default", "m", {}), k, 0) for k, i in enumerate(ids)], 0)
    encoded = block.encode()
    assert np.array(ids, np.uint64).tobytes() in encoded
