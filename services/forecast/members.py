"""The forecasters that vote. Each takes a window of past values, oldest first, and writes its next ``h`` values.

All are functions of the window alone: no member keeps state of its own, so a track record can be made by forecasting from any
point inside the window, and a series costs its window and nothing else. Values come centred and scaled (see ``ensemble``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kizashi.online.compile import kernel

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@kernel
def solve_ridge(A: F64, b: F64, w: F64) -> bool:
    """Solve A w = b for a symmetric positive A by Cholesky, in place; False when A is not positive. O(p³/6)."""
    p = len(b)
    for j in range(p):
        s = A[j, j]
        for k in range(j):
            s -= A[j, k] * A[j, k]
        if not s > 1e-12:
            return False
        d = np.sqrt(s)
        A[j, j] = d
        for i in range(j + 1, p):
            s = A[i, j]
            for k in range(j):
                s -= A[i, k] * A[j, k]
            A[i, j] = s / d
    for i in range(p):
        s = b[i]
        for k in range(i):
            s -= A[i, k] * w[k]
        w[i] = s / A[i, i]
    for i in range(p - 1, -1, -1):
        s = w[i]
        for k in range(i + 1, p):
            s -= A[k, i] * w[k]
        w[i] = s / A[i, i]
    return True


@kernel
def last_value(y: F64, h: int, out: F64) -> None:
    """The last value goes on."""
    for k in range(h):
        out[k] = y[-1]


@kernel
def seasonal_naive(y: F64, h: int, m: int, out: F64) -> None:
    """The value one season ago; the last value when there is no whole season yet."""
    n = len(y)
    for k in range(h):
        out[k] = y[n - m + k % m] if n >= m else y[-1]


@kernel
def seasonal_mean(y: F64, h: int, m: int, decay: float, carry: float, out: F64) -> None:
    """Mean of the values one, two, … seasons ago with weights ``decay`` ** j, moved by
    ``carry`` of the mean error of the last eighth of a season."""
    n = len(y)
    if n < m:
        last_value(y, h, out)
        return
    shift, c = 0.0, max(1, m // 8)
    if n >= 2 * m:
        for i in range(n - c, n):
            shift += (y[i] - _phase_mean(y[:i], 0, m, decay)) / c
    for k in range(h):
        out[k] = _phase_mean(y, k, m, decay) + carry * shift


@kernel
def _phase_mean(y: F64, k: int, m: int, decay: float) -> float:
    n, s, ws, w = len(y), 0.0, 0.0, 1.0
    i = n + k - m * (k // m + 1)
    while i >= 0:
        s += w * y[i]
        ws += w
        w *= decay
        i -= m
    return s / ws


@kernel
def linear_regression(y: F64, h: int, m: int, k: int, out: F64) -> None:
    """Linear regression on level, trend and ``k`` harmonics of the season, ridge 1; the last residual decays by AR(1)."""
    n = len(y)
    p = 2 + 2 * k
    A, b, w, x = np.zeros((p, p)), np.zeros(p), np.zeros(p), np.zeros(p)
    for t in range(n):
        _harmonics(t - n, m, k, x)
        for i in range(p):
            b[i] += x[i] * y[t]
            for j in range(i + 1):
                A[i, j] += x[i] * x[j]
    for i in range(1, p):
        A[i, i] += 1.0
    if not solve_ridge(A, b, w):
        last_value(y, h, out)
        return
    before, num, den, r = 0.0, 0.0, 1e-12, 0.0
    for t in range(n):
        _harmonics(t - n, m, k, x)
        r = y[t] - np.dot(x, w)
        num += r * before
        den += before * before
        before = r
    rho = min(max(num / den, 0.0), 0.999)
    for t in range(h):
        _harmonics(t, m, k, x)
        r *= rho
        out[t] = np.dot(x, w) + r


@kernel
def _harmonics(t: int, m: int, k: int, x: F64) -> None:
    """Row of the design matrix at time t: 1, t in seasons, then sine and cosine of k harmonics by angle addition."""
    x[0], x[1] = 1.0, t / m
    a = 2.0 * np.pi * (t % m) / m
    s1, c1 = np.sin(a), np.cos(a)
    s, c = s1, c1
    for j in range(k):
        x[2 + 2 * j], x[3 + 2 * j] = s, c
        s, c = s * c1 + c * s1, c * c1 - s * s1


@kernel
def holt_winters(y: F64, h: int, m: int, out: F64) -> None:
    """Additive Holt-Winters with damped trend and AR(1) on the one-step error (Taylor 2003).

    Level 0.1, trend 0.01, season 0.2, error 0.6, damping 0.98: middling values of the source; the vote sorts out where they do not suit.
    """
    n = len(y)
    if n < 2 * m:
        last_value(y, h, out)
        return
    alpha, beta, gamma, rho, phi = 0.1, 0.01, 0.2, 0.6, 0.98
    level, trend, e = np.mean(y[: 2 * m]), 0.0, 0.0
    season = np.zeros(m)
    for i in range(2 * m):
        season[i % m] += (y[i] - level) / 2.0
    for t in range(2 * m, n):
        base = level + phi * trend + season[t % m]
        r = y[t] - base - rho * e
        level += phi * trend + alpha * r
        trend = phi * trend + beta * alpha * r
        season[t % m] += gamma * r
        e = y[t] - base
    run, damp = 0.0, 1.0
    for k in range(h):
        damp *= phi
        run += damp
        e *= rho
        out[k] = level + trend * run + season[(n + k) % m] + e


@kernel
def autoregression(y: F64, h: int, lags: I64, base: int, ridge: float, memory: float, out: F64) -> None:
    """Ridge autoregression on ``lags``, applied step by step; with ``base`` > 0 on the differences to ``base`` values ago.

    Rows are forgotten with a time constant of ``memory`` values. O(n p²/2) to fit, O(h p) to apply.
    """
    n, p, deepest = len(y), len(lags) + 1, np.max(lags)
    size = n - base
    if size < deepest + 2 * p:
        seasonal_naive(y, h, base if base > 0 else 1, out)
        return
    z = np.zeros(size + h)
    for t in range(size):
        z[t] = y[t + base] - (y[t] if base > 0 else 0.0)
    A, b, w, x = np.zeros((p, p)), np.zeros(p), np.zeros(p), np.zeros(p)
    x[0] = 1.0
    for t in range(deepest, size):
        weight = np.exp((t - size) / memory)
        for i in range(p - 1):
            x[i + 1] = z[t - lags[i]]
        for i in range(p):
            xi = weight * x[i]
            b[i] += xi * z[t]
            for j in range(i + 1):
                A[i, j] += xi * x[j]
    for i in range(1, p):
        A[i, i] += ridge
    A[0, 0] += ridge
    if not solve_ridge(A, b, w):
        last_value(y, h, out)
        return
    top = 3.0 * np.max(np.abs(z[:size])) + 1e-9
    for k in range(h):
        s = w[0]
        for i in range(p - 1):
            s += w[i + 1] * z[size + k - lags[i]]
        z[size + k] = min(max(s, -top), top)
    for k in range(h):
        if base > 0:
            i = n + k - base
            out[k] = z[size + k] + (y[i] if i < n else out[i - n])
        else:
            out[k] = z[size + k]


@kernel
def theta(y: F64, h: int, m: int, decay: float, alpha: float, out: F64) -> None:
    """Theta method (Assimakopoulos & Nikolopoulos 2000) on seasonally adjusted values: half the regression slope, exponential smoothing."""
    n = len(y)
    if n < 2 * m:
        last_value(y, h, out)
        return
    centre = np.mean(y[n - (n // m) * m :])
    shape = np.zeros(m)
    for k in range(m):
        shape[k] = _phase_mean(y, k, m, decay) - centre
    shape -= np.mean(shape)
    level, st, sty, tm = 0.0, 0.0, 0.0, (n - 1) / 2.0
    for t in range(n):
        v = y[t] - shape[(t - n) % m]
        level = v if t == 0 else level + alpha * (v - level)
        st += (t - tm) ** 2
        sty += (t - tm) * v
    slope = 0.5 * sty / st
    for k in range(h):
        out[k] = level + slope * (k + 1) + shape[k % m]


@kernel
def analogue(y: F64, h: int, m: int, neighbours: int, out: F64) -> None:
    """Nearest past stretches: the ``neighbours`` seasons-aligned pasts whose last season looked most like now, moved to now's level."""
    n = len(y)
    if n < 3 * m + h:
        seasonal_naive(y, h, m, out)
        return
    step = max(1, m // 24)
    count = (n - h - m) // step
    dist = np.full(count, np.inf)
    for c in range(count):
        end = n - h - c * step
        if end < m:
            break
        shift = 0.0
        for i in range(1, m + 1):
            shift += y[n - i] - y[end - i]
        shift /= m
        d = 0.0
        for i in range(1, m + 1):
            e = y[n - i] - y[end - i] - shift
            d += e * e
        dist[c] = d
    order = np.argsort(dist)
    out[:h] = 0.0
    total = 0.0
    for r in range(min(neighbours, count)):
        c = order[r]
        if not np.isfinite(dist[c]):
            break
        end = n - h - c * step
        shift = 0.0
        for i in range(1, m + 1):
            shift += y[n - i] - y[end - i]
        shift /= m
        w = 1.0 / (dist[c] + 1e-6 + 0.1 * dist[order[0]])
        total += w
        for k in range(h):
            out[k] += w * (y[end + k] + shift)
    for k in range(h):
        out[k] /= total


@kernel
def recent_median(y: F64, h: int, span: int, out: F64) -> None:
    """Median of the last ``span`` values: the best constant under absolute error, deaf to spikes."""
    v = np.median(y[max(0, len(y) - span) :])
    for k in range(h):
        out[k] = v


@kernel
def phase_median(y: F64, h: int, m: int, half: int, out: F64) -> None:
    """Median over all past seasons of the values within ``half`` of the same phase."""
    n = len(y)
    if n < m:
        last_value(y, h, out)
        return
    pool = np.empty((n // m + 1) * (2 * half + 1))
    for k in range(h):
        c, i = 0, n + k - m * (k // m + 1)
        while i - half >= 0 and c < len(pool) - 2 * half:
            for j in range(i - half, min(i + half + 1, n)):
                pool[c] = y[j]
                c += 1
            i -= m
        out[k] = np.median(pool[:c]) if c > 0 else y[n - m + k % m]
