"""Requests in queues: what is admitted, what runs together, how long it will take."""
