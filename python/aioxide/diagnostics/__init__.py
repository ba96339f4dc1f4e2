"""What the loop tells of a program: one kind of report a module. See `aioxide.Diagnostics`."""
