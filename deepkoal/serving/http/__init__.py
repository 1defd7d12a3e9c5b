"""HTTP: a port, its connections, bodies of limited size, TensorFlow Serving's REST interface."""
