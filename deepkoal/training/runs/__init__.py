"""Runs in a folder: trained, watched, continued; on records, or fine-tuned on one's own photos."""
