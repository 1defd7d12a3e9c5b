"""The figures of the evaluation protocol, one idea to a module."""
