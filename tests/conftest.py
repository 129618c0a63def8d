"""For every test: one thread of arithmetic each, as two test processes share two cores; PTB's durations as values."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("PTB_TIMEDELTA", "1")
