"""The pages of events and stories, as a plugin of Datasette: `newsfold serve`.

    address -> what is asked -> rows -> views -> page or JSON

plugin.py is what Datasette sees; visit.py is one request, pages.py says what each page asks,
front.py, story.py and pipeline/show.py read it (with the views of the digest), answers.py and
render.py send it; corrections.py and sign_in.py take forms. Only corrections.py writes.
"""
