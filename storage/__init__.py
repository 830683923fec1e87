"""From a story to rows, and back: everything newsfold knows lives in one SQLite file."""
