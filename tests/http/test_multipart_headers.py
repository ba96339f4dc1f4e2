"""The headers of parts, Content-Disposition above all. aiohttp's functions are the oracle."""

import io
import warnings

import aiohttp
import aiohttp.helpers
import aiohttp.multipart
import pytest

from aioxide.http import _content_disposition, _headers, _mimetype, _multipart

from .parts import own

DISPOSITIONS = [
    "",
    "form-data",
    "Form-Data; Name=a",
    'form-data; name="a"; filename="b.txt"',
    'form-data; name="a;b"; filename="c"',
    'attachment; filename="f\\"oo.html"',
    "attachment; filename=foo bar.html",
    "attachment; filename*=UTF-8''foo-%c3%a4.html",
    "attachment; filename*=''a%20b",
    "attachment; filename*=nope''a",
    "attachment; filename*=utf-8''%ff",
    "attachment; filename*=utf-8'a",
    'attachment; filename*0="foo."; filename*1="html"',
    "attachment; filename*0*=utf-8''a%20; filename*1=b",
    "attachment; filename*1=b; filename*0=a",
    "attachment; filename*1=b",
    "attachment; filename*01=b",
    "attachment; filename*0**=b",
    "attachment; filename*0=a'b'c'd",
    "attachment; filename=a; filename=b",
    "attachment; a b=c",
    "attachment; =x",
    "attachment;",
    "attachment; ;a=b",
    "attachment; novalue",
    "at tachment; a=b",
    '"inline"; a=b',
    'attachment; filename="../../etc/passwd"',
    'attachment; filename="\\\\host\\share"',
    'attachment; filename="',
    'attachment; filename=""',
    'attachment; filename="a" ',
    'attachment; filename="a"; b="c;d;e"',
    "attachment; xfilename=foo.html",
    "inline; filename=\N{SNOWMAN}",
]


def test_disposition_is_read_as_by_aiohttp():
    def look(module, header):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            kind, params = module.parse_content_disposition(header)
        names = [warning.category.__name__ for warning in caught]
        filename = module.content_disposition_filename(params)
        return kind, params, filename, [str(warning.message) for warning in caught], names

    for header in DISPOSITIONS:
        assert look(own._multipart, header) == look(aiohttp.multipart, header)


def test_pieces_of_a_name_that_make_no_charset_are_none():
    # aiohttp lets a ValueError through here.
    params = {"filename*0": "a'b"}
    assert _multipart.content_disposition_filename(params) is None


@pytest.mark.parametrize("quote", [True, False])
@pytest.mark.parametrize("value", ["a", "ä☃", 'q"u\\o', "a b", "tab\t", "%41", ""])
@pytest.mark.parametrize("key", ["name", "filename", "other"])
def test_disposition_is_written_as_by_aiohttp(quote, value, key):
    args = ("form-data", quote)
    ours = _content_disposition.content_disposition_header(*args, **{key: value})
    assert ours == aiohttp.helpers.content_disposition_header(*args, **{key: value})


@pytest.mark.parametrize(
    ("obj", "default"), [("x", None), (io.BytesIO(), "d"), (None, "d"), (1, None)]
)
def test_name_of_a_file_is_guessed_as_by_aiohttp(obj, default):
    class Named:
        name = obj

    for thing in (obj, Named(), type("Angled", (), {"name": "<stdin>"})()):
        assert _content_disposition.guess_filename(thing, default) == (
            aiohttp.helpers.guess_filename(thing, default)
        )


@pytest.mark.parametrize(
    "value",
    [
        "",
        "text/html",
        "Text/HTML; Charset=UTF-8",
        'application/ld+json; a="b"; a=c;',
        "*",
        "x",
        "a/b/c",
        ";;",
        "a/b; =c; d",
    ],
)
def test_content_type_is_read_as_by_aiohttp(value):
    ours, theirs = _mimetype.parse_mimetype(value), aiohttp.helpers.parse_mimetype(value)
    assert (ours.type, ours.subtype, ours.suffix) == (theirs.type, theirs.subtype, theirs.suffix)
    assert ours.parameters == theirs.parameters


@pytest.mark.parametrize(
    "lines",
    [
        [b"A: b", b"a: c", b"", b"D: e"],
        [b"A:b", b"C: \t d \t"],
        [b"A: \xc3\xa4\xff"],
        [],
        [b"A"],
        [b": b"],
        [b"A : b"],
        [b" A: b"],
        [b"A: b", b" c"],
        [b"A\xc3\xa4: b"],
        [b"A: b\x00"],
        [b"A: b\rc"],
        [b"A: b\x7f"],
        [b"A: b\tc"],
        [b"Content-Type: a", b"content-type: b"],
        [b"X: a", b"x: b"],
    ],
)
def test_header_lines_are_read_as_by_aiohttp(lines):
    def look(parse):
        try:
            return list(parse([*lines, b""]).items())
        except Exception as error:
            return type(error), str(error)

    parser = aiohttp.http.HeadersParser()
    assert look(_headers.parse_headers) == look(lambda lines: parser.parse_headers(lines)[0])
