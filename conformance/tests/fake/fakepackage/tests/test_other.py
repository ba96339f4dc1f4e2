"""A file that never makes a loop, and that a usual run leaves out."""


def test_without_a_loop():
    pass
