"""Photo files worked on one after another: colored, repaired, given a style; and the report."""
