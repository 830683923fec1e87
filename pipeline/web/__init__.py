"""The pages of events and stories, as a plugin of Datasette: `newsfold serve`.

    address -> what is asked -> rows -> views -> page or JSON

plugin.py is what Datasette sees; pages.py answers requests; front.py, event.py and story.py read
what a page shows (with the views of the digest); render.py makes HTML of it; corrections.py and
sign_in.py take forms. Only corrections.py writes.
"""
