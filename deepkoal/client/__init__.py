"""What asks a server of deepkoal or TensorFlow Serving to color photos."""
