"""Networks behind a port: a server that speaks TensorFlow Serving's interface, and its client."""
