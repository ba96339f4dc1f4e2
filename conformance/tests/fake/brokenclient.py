"""A client that cannot post."""

import aiohttp
from soundclient import ClientSession as Sound
from soundclient import CookieJar, FormData

__all__ = ["ClientSession", "CookieJar", "FormData"]


class ClientSession:
    def __init__(self, *args, **kwargs):
        self.session = Sound(*args, **kwargs)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        await self.session.close()

    async def _request(self, method, *args, **kwargs):
        if method.upper() == "POST":
            raise aiohttp.ClientError("cannot post")
        return await self.session._request(method, *args, **kwargs)

    def request(self, *args, **kwargs):
        return aiohttp.client._RequestContextManager(self._request(*args, **kwargs))

    get = lambda self, *args, **kwargs: self.request("GET", *args, **kwargs)  # noqa: E731

    def __getattr__(self, name):
        return getattr(self.session, name)
