"""One spider a kind of feed, none a site."""
