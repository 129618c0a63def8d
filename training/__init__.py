"""The trainer: dataclasses and arrays in, versions and reports out; no SQL, no messenger, no event loop."""

import os

# Threads that spin while they wait cost six times the training time on a machine that also serves (2.9 against 17 s
# measured on 2 busy cores); libgomp reads this once, when torch is first loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
