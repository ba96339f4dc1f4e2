"""A site in a thread that answers as it is told, and notes what it was asked."""

import random
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 40


def body_of(number):
    """The body of /page/NUMBER: text, bytes of any value, or nothing at all."""
    rng = random.Random(number)
    if number % 7 == 3:
        return b""
    if number % 3 == 1:
        return rng.randbytes(rng.randrange(1, 30_000))
    return f"page {number} é {rng.random()}\n".encode() * rng.randrange(1, 400)


class Answer:
    """A response, or several in turn; the last one stays."""

    def __init__(self, status=200, body=b"", **headers):
        self.status = status
        self.body = body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Site:
    """`with Site() as site`: `site.url`, `site.asked` (how often each path was), `site.peak`."""

    def __init__(self):
        self.answers = {}
        self.asked = Counter()
        self.headers = {}
        self.count = self.active = self.peak = 0
        self.changed = threading.Condition()
        #: While it is cleared, every answer waits, but for robots.txt.
        self.open = threading.Event()
        #: The paths that wait, if it is not all of them.
        self.held = None
        #: It is cleared when so many requests have come.
        self.close_at = None
        self.open.set()
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.site = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.open.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path, *answers):
        self.answers[path] = list(answers)

    def pages(self, numbers):
        return [f"{self.url}/page/{number}" for number in numbers]

    def wait_asked(self, count):
        """Return when so many requests have come, in all."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.count >= count, PATIENCE), self.count

    def wait_active(self, count):
        """Return when so many requests wait for their answer."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.active >= count, PATIENCE), self.active

    def pages_asked(self):
        """How often pages were asked for, without robots.txt."""
        return sum(count for path, count in self.asked.items() if path != "/robots.txt")


class Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 512

    def handle_error(self, request, client_address):
        """A client that was killed is no error."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE
    # Head and body are written apart.
    wbufsize = 1 << 20

    def do_GET(self):
        site = self.server.site
        with site.changed:
            site.count += 1
            site.asked[self.path] += 1
            site.headers[self.path] = self.headers
            if self.path != "/robots.txt":
                site.active += 1
                site.peak = max(site.peak, site.active)
            if site.close_at is not None and site.count >= site.close_at:
                site.close_at = None
                site.open.clear()
            answers = site.answers.get(self.path)
            answer = None
            if answers:
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
            site.changed.notify_all()
        try:
            if self.path in site.held if site.held is not None else self.path != "/robots.txt":
                assert site.open.wait(PATIENCE)
            self.respond(answer or self.usual())
        finally:
            if self.path != "/robots.txt":
                with site.changed:
                    site.active -= 1
                    site.changed.notify_all()

    def usual(self):
        path = self.path.partition("?")[0]
        if not path.startswith("/page/"):
            return Answer(404, b"nothing here")
        number = int(path.rpartition("/")[2])
        kind = "application/octet-stream" if number % 3 == 1 else "text/html; charset=utf-8"
        return Answer(200, body_of(number), Content_Type=kind)

    def respond(self, answer):
        self.send_response(answer.status)
        headers = {"Content-Length": str(len(answer.body)), **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def log_message(self, *_):
        pass
