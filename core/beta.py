"""The beta distribution, for intervals of shares: a page of it, so that the core needs no scipy."""

from __future__ import annotations

import math


def beta_quantile(p: float, a: float, b: float) -> float:
    """The value that a Beta(a, b) stays under with probability p, by bisection to 1e-7."""
    low, high = 0.0, 1.0
    while high - low > 1e-7:
        middle = (low + high) / 2
        low, high = (middle, high) if beta_cdf(middle, a, b) < p else (low, middle)
    return (low + high) / 2


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function (continued fraction; Numerical Recipes 6.4)."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_cdf(1 - x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    front = math.exp(log_front) / a
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or 1e-30)
    fraction = d
    for m in range(1, 300):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for step in (even, odd):
            d = 1 / (1 + step * d or 1e-30)
            c = 1 + step / c or 1e-30
            fraction *= c * d
        if abs(c * d - 1) < 1e-10:
            break
    return min(front * fraction, 1.0)
