"""A training campaign on a borrowed GPU machine, see `__main__`."""
