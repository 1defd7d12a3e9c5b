"""Presets, recipes, runs and the networks with their weights."""
