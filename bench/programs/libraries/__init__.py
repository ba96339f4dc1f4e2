"""One file a library: how the programs of clients use it, in its own documented way."""
