"""Arrays on their way: a served function's inputs and outputs, as gRPC's messages and as JSON."""
