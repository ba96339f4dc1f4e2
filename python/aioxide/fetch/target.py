"""`Target`: a URL that is to be fetched."""

from __future__ import annotations

from yarl import URL

__all__ = ["BadUrl", "Target"]


class BadUrl(ValueError):
    """This is not the URL of something that can be fetched. The text says why."""


class Target:
    """A URL, the key by which two are the same, and the host that limits are for.

    Raises BadUrl.
    """

    __slots__ = ("key", "losses", "origin", "tries", "url")

    def __init__(self, text: str) -> None:
        #: As it was given.
        self.url = text
        if any(character <= " " or character == "\x7f" for character in text):
            raise BadUrl("it has a space or a control character in it")
        try:
            url = URL(text).with_fragment(None)
            port = url.port
        except ValueError as error:
            raise BadUrl(str(error)) from None
        if url.scheme not in ("http", "https"):
            if not url.scheme or "." in url.scheme or url.scheme == "localhost":
                raise BadUrl("it has no http:// or https:// in front")
            raise BadUrl(f"{url.scheme}: is not http: or https:")
        if not url.raw_host:
            raise BadUrl("it names no host")
        if port == 0:
            raise BadUrl("its port is 0")
        self.key = str(url)
        self.origin = str(url.origin())
        #: Attempts that were made.
        self.tries = 0
        #: Workers that were lost while they had it.
        self.losses = 0

    def __repr__(self) -> str:
        return f"<Target {self.url}>"
