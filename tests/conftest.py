"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# machines are shared and noisy: how long an example took says nothing about it
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
