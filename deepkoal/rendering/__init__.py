"""From coarse chroma and full-size lightness to a photo, and pictures made of photos."""

NETWORK_STRIDE = 32
"""Side of the square of pixels that every network's input can be a multiple of.

Here, where it costs no import of NumPy: the command line needs it to explain itself.
"""
