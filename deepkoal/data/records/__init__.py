"""Photos as records to train on: their format, and how photos are read, embedded and written."""
