"""What a photo's file carries besides its pixels: read, cleaned and put together again."""
