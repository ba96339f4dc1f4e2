raise ImportError("the package's own loop must not be found")
