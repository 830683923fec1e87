"""From stories to events to a digest; its command line is the only one that starts crawls."""
