"""Bodies of several parts: what their tests have in common."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from aioxide.http import _multipart
from aioxide.http._streams import StreamReader

from .own import without_aiohttp

own = without_aiohttp()
BOTH = pytest.mark.parametrize("module", [_multipart, own._multipart], ids=["with", "without"])
RELATED = {"Content-Type": 'multipart/related; boundary=":"'}
FORM = {"Content-Type": 'multipart/form-data; boundary=":"'}


class Peer:
    connected = True

    def pause_reading(self):
        pass

    def resume_reading(self, resume_parser=True):
        pass


class Writer:
    def __init__(self):
        self.data = b""

    async def write(self, chunk):
        self.data += chunk


async def written(payload):
    writer = Writer()
    await payload.write(writer)
    return writer.data


def body(loop, data, size=None, cls=StreamReader):
    """A body that has arrived, in pieces of `size` bytes."""
    reader = cls(Peer(), 2**16, loop=loop)
    for start in range(0, len(data), size or len(data) or 1):
        reader.feed_data(data[start : start + (size or len(data))])
    reader.feed_eof()
    return reader


def part(loop, data, headers=(), size=None, module=_multipart, **options):
    """A part of `data`, which ends with the boundary, and the content that it is in."""
    headers = CIMultiDictProxy(CIMultiDict(headers))
    return module.BodyPartReader(b"--:", headers, body(loop, data, size), **options)
