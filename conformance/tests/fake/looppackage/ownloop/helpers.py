"""What the package's tests take from the package itself."""

ANSWER = 42
