"""What to do about a program that a test needs and this machine lacks."""

import os

import pytest


def skip_or_fail(reason):
    """Skip the test; in continuous integration, where a skip would go unseen, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (skipped outside continuous integration)", pytrace=False)
    pytest.skip(reason)
