"""Many crawlers for one database: what a crawl asks of the web, others fetch for it.

    newsfold run --queue ─▶ task ─▶ Redis ─▶ newsfold worker ─▶ the web
           ▲                                      │
           └────────────── answer ◀── Redis ◀─────┘

The spiders stay where the database is, and with them everything that is decided: what is due, what
robots.txt says, when a host is asked again. Only fetching is given away, one request a task.
"""
