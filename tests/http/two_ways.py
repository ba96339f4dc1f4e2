"""A request played on two sessions that are alike, one of which knows no short way."""

import asyncio
import contextlib

from aioxide import http
from aioxide.http._shortcut import Shortcut

from ..net.peer import polled
from .wire import settled


class Recorder:
    """A server that writes down what comes, and answers as the path says."""

    def __init__(self):
        self.heard = []
        self.ended = False
        self.handlers = set()

    async def start(self):
        self.server = await asyncio.start_server(self.handle, "127.0.0.1", 0, limit=2**20)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def handle(self, reader, writer):
        self.handlers.add(asyncio.current_task())
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while not writer.is_closing():
                    await self.answer(reader, writer)
        finally:
            writer.close()
            self.handlers.discard(asyncio.current_task())

    async def answer(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        body = b""
        if b"\r\nexpect:" in lower:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if b"\r\ntransfer-encoding: chunked" in lower:
            while not body.endswith(b"0\r\n\r\n"):
                body += await reader.readuntil(b"\r\n")
        elif b"\r\ncontent-length: " in lower:
            length = lower.split(b"\r\ncontent-length: ")[1].split(b"\r\n")[0]
            body = await reader.readexactly(int(length))
        self.heard.append(head + body)
        method, target, _ = head.split(b" ", 2)
        path = target.partition(b"?")[0].decode("latin-1")
        what, _, rest = path[1:].partition("/")
        keep = "Connection: keep-alive\r\n"
        if what == "redirect":
            keep += "Location: /landed?y=2\r\n"
            text = f"HTTP/1.1 {rest} Moved\r\n{keep}Content-Length: 4\r\n\r\nmove"
        elif what == "nowhere":
            text = f"HTTP/1.1 302 Moved\r\n{keep}Content-Length: 4\r\n\r\nmove"
        elif what == "status":
            text = f"HTTP/1.1 {rest} Said\r\n{keep}Content-Length: 5\r\n\r\nwrong"
        elif what == "cookie":
            text = f"HTTP/1.1 200 OK\r\nSet-Cookie: got=1\r\n{keep}Content-Length: 2\r\n\r\nok"
        elif what == "bad":
            text = "HTTP/1.1 what is this\r\n\r\n"
        elif what == "half":
            text = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
        elif what == "gone":
            text = ""
        else:
            text = f"HTTP/1.1 200 OK\r\n{keep}Content-Length: 2\r\n\r\nok"
        if method == b"HEAD":
            text = text.partition("\r\n\r\n")[0] + "\r\n\r\n"
        writer.write(text.encode())
        if what in ("bad", "half", "gone"):
            self.ended = True
            writer.close()

    async def close(self):
        self.server.close()
        await polled()
        while self.handlers:
            await asyncio.wait(set(self.handlers))


def told(error):
    """What an exception says."""
    if error is None:
        return None
    cause = error.__cause__
    text = str(error).replace(hex(id(error)), "")
    return type(error), text, getattr(error, "__notes__", None), type(cause), str(cause)


class Player:
    """A session on a server, and what comes of its requests."""

    def __init__(self, server, session):
        self.server = server
        self.session = session
        self.began = []

    async def play(self, method, url, options):
        """All that somebody could see of a request over an idle connection."""
        if not self.idle():
            await self.warm()
        self.began.clear()
        self.server.heard.clear()
        self.server.ended = False
        response = error = None
        seen = []
        try:
            async with self.session.request(method, url, **options) as response:
                seen += await self.seen(response)
        except Exception as raised:
            error = raised
        stats = await settled(self.session.connector)
        while self.server.ended and self.idle():
            await polled()
        return {
            "wire": list(self.server.heard),
            "response": seen,
            "error": told(error),
            "info": self.info(error),
            "history": [earlier.status for earlier in getattr(error, "history", ())],
            "cookies": sorted(str(cookie) for cookie in self.session.cookie_jar),
            "leased": stats["leased"],
        }

    def idle(self):
        """How many connections wait for requests that ask for no name in the certificate."""
        found = self.session.connector._conns.items()
        return sum(len(idle) for key, idle in found if key.server_hostname is None)

    async def warm(self):
        shortcut, self.session._shortcut = self.session._shortcut, None
        async with self.session.get(
            self.server.url + "/warm",
            raise_for_status=False,
            headers={"X": "in the place of what cannot be sent"},
        ) as response:
            await response.read()
        self.session._shortcut = shortcut
        await settled(self.session.connector)

    async def seen(self, response):
        body = told_body = None
        try:
            body = await response.read()
        except http.ClientError as error:
            told_body = told(error)
        return [
            response.status,
            response.reason,
            response.version,
            response.method,
            response.url,
            response.real_url,
            sorted(response.headers.items()),
            str(response.cookies),
            self.info(response),
            [(earlier.status, earlier.url, self.info(earlier)) for earlier in response.history],
            body,
            told_body,
            response.ok,
            response.closed,
        ]

    @staticmethod
    def info(of):
        info = getattr(of, "request_info", None)
        if info is None:
            return None
        return info.url, info.method, list(info.headers.items()), info.real_url


@contextlib.asynccontextmanager
async def players(options, monkeypatch):
    """The same session twice, of which the second knows no short way.

    One connection each: a place in the pool that a request does not give back stops the next.
    """
    server = await Recorder().start()
    made = []
    for _ in range(2):
        session = http.ClientSession(connector=http.TCPConnector(limit=1), **options())
        made.append(Player(server, session))
    short, long = made
    assert short.session._shortcut is not None
    long.session._shortcut = None
    begin = Shortcut.begin

    def noted(self, *arguments):
        response = begin(self, *arguments)
        short.began.append(response is not None)
        return response

    monkeypatch.setattr(Shortcut, "begin", noted)
    try:
        yield short, long
    finally:
        for player in made:
            await player.session.close()
        await server.close()
