"""The small invented news web of `newsfold demo`: its sources, its stories, and the clock.

Everything here is made up for the demo and served on loopback only: `habits` says how each
source publishes, `stories` loads what they published, `sites` renders all of it once, and
`web` answers for it as a forward proxy that never connects anywhere.
"""

from datetime import UTC, datetime

DEMO_NOW = datetime(2026, 4, 16, 7, 0, tzinfo=UTC)
