"""What an event says beyond its members: figures, category, roles, TL;DR and related events.

Pure functions: stories and events in, words of storage.models out. No database, no clock.
"""
