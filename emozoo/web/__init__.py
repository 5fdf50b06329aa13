"""What the demo page and the HTTP service share: the names they answer to, their socket, their temporary folder."""
