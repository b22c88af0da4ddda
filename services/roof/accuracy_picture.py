"""A small picture of a stretch of one series: values with the expected band, what was labelled, forecast or score. SVG, a few kB."""

from __future__ import annotations

from html import escape

import numpy as np

from kizashi.contracts.accuracy import Chart

WIDTH, HEIGHT, SCORES = 640, 170, 40
"""Pixels: width, height of the values, height of the scores below them."""
COLUMNS = 320
"""A stretch is drawn as lowest and highest value of so many columns, so that no spike is lost."""
SCORE_TOP = 2.5
RED = "#c0392b"


def picture_of(c: Chart) -> str:
    """The chart as SVG text."""
    n = len(c.values)
    values, lower, upper, score = (np.array(part) for part in (c.values, c.lower, c.upper, c.score or [0.0] * n))
    shown = [values, np.array(c.mean)] if c.mean else [values]
    low, high = min(float(part.min()) for part in shown), max(float(part.max()) for part in shown)
    pad = 0.05 * (high - low) or 1.0
    low, high = low - pad, high + pad

    def x(row: float) -> str:
        return f"{WIDTH * row / max(n, 1):.1f}"

    def y(value: float) -> str:
        return f"{HEIGHT * (high - min(max(value, low), high)) / (high - low):.1f}"

    edges = np.linspace(0, n, min(COLUMNS, n) + 1).astype(int)
    columns = [(a, b) for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True) if b > a]
    line = " ".join(f"{x(a)},{y(float(values[a:b].min()))} {x(a)},{y(float(values[a:b].max()))}" for a, b in columns)
    band = [f"{x(a)},{y(float(np.median(upper[a:b])))}" for a, b in columns]
    band += [f"{x(a)},{y(float(np.median(lower[a:b])))}" for a, b in reversed(columns)]
    shades = "".join(
        f'<rect x="{x(a)}" y="0" width="{max(WIDTH * (b - a) / n, 2):.1f}" height="{HEIGHT + SCORES}" fill="#f2c94c" fill-opacity=".35"/>'
        for a, b in c.labelled
    )
    bars = "".join(
        f'<path d="M{x(a)} {HEIGHT + SCORES}v-{SCORES * min(top, SCORE_TOP) / SCORE_TOP:.1f}" stroke="{RED if top >= 1 else "#9aa4b2"}"/>'
        for a, b in columns
        if (top := float(score[a:b].max())) > 0.05
    )
    mean = " ".join(f"{x(k)},{y(v)}" for k, v in enumerate(c.mean))
    dashed = f'<polyline points="{mean}" fill="none" stroke="{RED}" stroke-dasharray="4 2"/>' if c.mean else ""
    boundary = HEIGHT + SCORES - SCORES / SCORE_TOP
    limit = f'<path d="M0 {boundary:.1f}H{WIDTH}" stroke="{RED}" stroke-dasharray="3 3"/>' if c.score else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -18 {WIDTH} {HEIGHT + SCORES + 20}" font-family="sans-serif" font-size="11">'
        f'<rect y="-18" width="{WIDTH}" height="{HEIGHT + SCORES + 20}" fill="#fff"/><text x="2" y="-5">{escape(c.title)}</text>'
        f'{shades}<polygon points="{" ".join(band)}" fill="#2d6cdf" fill-opacity=".15"/>'
        f'<polyline points="{line}" fill="none" stroke="#1f3d7a"/>{dashed}{bars}'
        f"{limit}</svg>\n"
    )
