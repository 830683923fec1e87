"""The same folding on an existing distributed engine: docs/scale.md has the picture."""
