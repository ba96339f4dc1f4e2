"""How a user plugs the loop in, one line of docs/using.md after the other."""
