"""The parts of an exported TensorFlow graph: files in, colored files out."""
