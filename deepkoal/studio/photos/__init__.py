"""Photos that are being worked on: opened, drawn, given styles, and learned of as an album."""
