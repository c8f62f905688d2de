"""What holds for all tests."""

from hypothesis import settings

# A deadline would be a timed assertion, and machines are busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
