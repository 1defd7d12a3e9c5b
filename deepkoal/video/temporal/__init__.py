"""Frames in relation to one another: how things move, and one color for each along its way."""
