"""The trainer: dataclasses and arrays in, versions and reports out; no SQL, no messenger, no event loop."""
