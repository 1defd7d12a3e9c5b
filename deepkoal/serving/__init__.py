"""What others reach over a network: servers, their client and the studio."""
