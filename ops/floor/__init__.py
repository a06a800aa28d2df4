"""What people at a site do from a terminal, over the API: see what waits, say what bins hold, load, close, export."""
