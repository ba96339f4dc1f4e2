"""What every child process of the harness shares: one request in, a line for each event out.

Reads one JSON request from standard input; writes one JSON event a line to the descriptor that
the request names, so that the parent knows which test was running when the process died.
"""

import faulthandler
import json
import os
import pathlib
import resource
import sys

HERE = str(pathlib.Path(__file__).resolve().parent)


def load(name):
    """Import a module of the harness, which no test must be able to import by accident."""
    sys.path.insert(0, HERE)
    try:
        return __import__(name)
    finally:
        sys.path.remove(HERE)


class Events:
    def __init__(self, descriptor):
        self.descriptor = descriptor
        os.set_inheritable(descriptor, False)
        self.owner = os.getpid()

    def send(self, **event):
        # A test that forks and lets the child return into the runner must not be heard twice.
        if os.getpid() == self.owner:
            data = json.dumps(event).encode() + b"\n"
            while data:
                data = data[os.write(self.descriptor, data) :]


def main(verbs):
    """Do what the request says, by a table of functions of a request and its events."""
    request = json.load(sys.stdin)
    events = Events(request["events"])
    # On a hang the parent sends SIGABRT, which prints the stack of every thread.
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    verbs[request["do"]](request, events)
    events.send(event="end")
    # Threads that a failed test left behind must not keep the process.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
