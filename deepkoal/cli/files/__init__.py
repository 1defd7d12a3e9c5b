"""Photo files in, result files out: which are meant, where each goes, what is written there."""
