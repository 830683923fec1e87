"""A site of static pages: `newsfold site news.db DIR`.

    events in brief -> which pages there are -> those whose mark has changed -> files

storage/outline.py reads, outline.py decides which pages there are, pages.py makes them with the
views of the digest, build.py puts them in the order in which links never point to nothing, and
files.py alone writes.
"""
