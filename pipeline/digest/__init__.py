"""The events of a period: chosen, laid out for readers, and written in several forms."""
