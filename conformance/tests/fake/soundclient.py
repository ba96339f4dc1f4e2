"""A client that is aiohttp's own but for its classes."""

import warnings

import aiohttp

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)

    class ClientSession(aiohttp.ClientSession):
        pass


class CookieJar(aiohttp.CookieJar):
    pass


class FormData(aiohttp.FormData):
    pass
