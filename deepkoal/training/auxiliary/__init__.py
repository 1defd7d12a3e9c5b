"""Learned beside colors: how far a hint reaches, what belongs together, how damage is mended."""
