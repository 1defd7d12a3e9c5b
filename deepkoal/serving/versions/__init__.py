"""What is served: the versions of models, found in a folder, opened and run."""
