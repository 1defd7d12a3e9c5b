"""One photo through one network: colorizer, prediction and the backends that run it."""
