"""Films as files, frame folders and streams: opened, read in shots, written, joined."""
