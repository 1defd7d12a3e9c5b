"""The studio's HTTP interface: what the page asks for, what is refused, and in which words."""
