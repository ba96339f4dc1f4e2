"""Forms. aiohttp's are the oracle."""

import io
import re

import aiohttp
import pytest
from multidict import MultiDict, MultiDictProxy

from aioxide.http import _form, _payload

from .own import without_aiohttp

own = without_aiohttp()


class Writer:
    def __init__(self):
        self.data = b""

    async def write(self, chunk):
        self.data += chunk


def made(run, cls, fill, **options):
    """What a form becomes: (its type, its size, its body), with the boundary made the same."""
    form = cls(**options)
    fill(form)
    payload = form()
    writer = Writer()
    run(payload.write(writer))
    boundary = re.search(r"boundary=(\w+)", payload.content_type)
    body, content_type = writer.data, payload.content_type
    assert payload.size == len(body)
    if boundary:
        body = body.replace(boundary[1].encode(), b"BOUNDARY")
        content_type = content_type.replace(boundary[1], "BOUNDARY")
    return form.is_multipart, content_type, body


def outcome(*args, **options):
    try:
        return made(*args, **options)
    except TypeError as error:
        return str(error)


FILLS = {
    "nothing": lambda form: None,
    "fields": lambda form: form.add_fields(("a", "1"), ("b", "ä&="), ("a", "2")),
    "list": lambda form: form.add_field("a", ["1", "2"]),
    "number": lambda form: form.add_field("a", "1"),
    "multidict": lambda form: form.add_fields(MultiDict([("a", "1"), ("a", "2")]), ("b", "3")),
    "proxy": lambda form: form.add_fields(MultiDictProxy(MultiDict(a="1"))),
    "typed": lambda form: form.add_field("a", "ä", content_type="text/plain; charset=utf-8"),
    "named": lambda form: form.add_field("ä", "x", filename="ö.txt"),
    "quoted": lambda form: form.add_field('a"b\\c', "x", filename='d"e\\f'),
    "file": lambda form: form.add_field("a", io.BytesIO(b"data"), content_type="image/png"),
    "bytes": lambda form: form.add_field("a", b"data", filename="x.png"),
    "text file": lambda form: form.add_field("a", io.StringIO("ä"), filename="x.txt"),
    "mixed": lambda form: form.add_fields(("a", "1"), ("b", io.BytesIO(b"2"))),
}


@pytest.mark.parametrize("options", [{}, {"quote_fields": False}, {"default_to_multipart": True}])
def test_form_is_that_of_aiohttp(run, options):
    for name, fill in FILLS.items():
        theirs = outcome(run, aiohttp.FormData, fill, **options)
        for cls in (_form.FormData, own._form.FormData):
            assert outcome(run, cls, fill, **options) == theirs, name


def test_form_in_another_charset_is_that_of_aiohttp(run):
    def fill(form):
        form.add_field("ä", "ö")

    ours = made(run, _form.FormData, fill, charset="latin-1")
    assert ours == made(run, aiohttp.FormData, fill, charset="latin-1")
    assert ours[2] == b"%E4=%F6"


@pytest.mark.parametrize(
    "fields",
    [
        {"a": "1", "b": "2"},
        [("a", "1")],
        (("a", "1"), ["b", "2"]),
        MultiDict(a="1"),
        [MultiDict(a="1"), ("b", "2")],
    ],
)
def test_fields_may_be_given_at_once(run, fields):
    def nothing(form):
        pass

    assert made(run, _form.FormData, nothing, fields=fields) == made(
        run, aiohttp.FormData, nothing, fields=fields
    )


def test_file_gives_its_name(run, tmp_path):
    path = tmp_path / "naïve.txt"
    path.write_text("x")
    with path.open("rb") as file:
        form = _form.FormData(file)
        assert form.is_multipart
        part = next(iter(form()))[0]
    assert part.headers["Content-Disposition"] == (
        "form-data; name*=utf-8''na%C3%AFve.txt; filename=\"na%C3%AFve.txt\""
    )


@pytest.mark.parametrize("fields", [["a"], "ab", [("a", "b", "c")], 1, [{"a": 1}]])
def test_what_are_no_fields_is_refused(fields):
    with pytest.raises(TypeError):
        aiohttp.FormData(fields)
    with pytest.raises(TypeError, match="pairs allowed"):
        _form.FormData(fields)


@pytest.mark.parametrize("option", ["content_type", "filename", "content_transfer_encoding"])
def test_option_that_is_no_text_is_refused(option):
    with pytest.raises(TypeError, match=f"{option} must be an instance of str"):
        _form.FormData().add_field("a", "b", **{option: 1})


@pytest.mark.parametrize("bad", ["a\r\nX: y", "a\nb", "a\x00b"])
def test_text_that_would_be_a_header_is_refused(bad):
    for args, options in (
        ((bad, "x"), {}),
        (("a", "x"), {"filename": bad}),
        (("a", "x"), {"content_type": bad}),
        ((bad, io.BytesIO(b"x")), {}),
    ):
        form = _form.FormData()
        with pytest.raises(ValueError, match="injection"):
            form.add_field(*args, **options)
        assert form._fields == []


def test_deprecated_options_warn():
    form = _form.FormData()
    with pytest.warns(DeprecationWarning, match="passing bytes"):
        form.add_field("a", b"x")
    with pytest.warns(DeprecationWarning, match="content_transfer_encoding"):
        form.add_field("a", "x", content_transfer_encoding="base64")
    assert form.is_multipart


def test_value_that_cannot_be_sent_is_refused():
    form = _form.FormData(default_to_multipart=True)
    form.add_field("a", object())
    with pytest.raises(TypeError, match="Can not serialize value type"):
        form()


def test_form_that_is_called_twice_is_sent_the_same(run):
    form = _form.FormData([("a", io.BytesIO(b"x"))])
    assert form() is form()
    assert len(form()) == 1


def test_payload_may_be_a_value(run):
    for module in (aiohttp, _payload):
        form = _form.FormData()
        form.add_field("a", module.BytesPayload(b"x"), content_type="a/b")
        assert next(iter(form()))[0]._value == b"x"
