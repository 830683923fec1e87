"""What holds for all tests: no time limit for an example of a property, since machines differ."""

from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
