"""What `./dev` does.

Standard library only, Python 3.9 or newer:

    cli           arguments, one function for each command
    interpreters  which Python to use, and what it lacks
    environment   the virtual environment of that Python: packages and the native module
    native        cargo: is it there, what to build, has anything changed
    fuzz          the fuzz targets: cargo-fuzz, corpora and findings
    groups        the groups of `./dev test`
    shell         run a command and show it
    peer          run a program under a loop of another package (a script of its own)
"""
