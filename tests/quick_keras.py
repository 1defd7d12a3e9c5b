"""Keras, imported as a command's process imports it: in half the time."""

from deepkoal.keras_runtime import hurry, start_keras

hurry()
start_keras()
