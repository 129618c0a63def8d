"""A campaign before it is launched: simulated workers and a fake clock around the real service."""
