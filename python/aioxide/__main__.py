"""``python -m aioxide`` is the ``aioxide`` command."""

from ._cli import main

if __name__ == "__main__":
    main()
