"""For every test: one thread of arithmetic each, as two test processes share two cores; PTB's durations as values;
the same examples in every run, so that a gate that fails once fails again (new ones: `HYPOTHESIS_PROFILE=explore`)."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("PTB_TIMEDELTA", "1")

settings.register_profile("gate", deadline=None, max_examples=60, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=60)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))
