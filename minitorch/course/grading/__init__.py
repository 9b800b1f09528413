"""How submissions are graded: what is taken from them, where it runs, what it earns."""
