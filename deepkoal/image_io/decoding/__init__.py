"""Decoding, format by format: from an opened file to its pixels as they lie in it."""
