"""Errors: aiohttp's own where it is installed, and the same without it."""

import errno
import inspect
import ssl
import subprocess
import sys
import textwrap

import aiohttp
import aiohttp.client_exceptions
import aiohttp.client_reqrep
import aiohttp.http_exceptions
import aiohttp.http_websocket
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from aioxide.http import _errors
from aioxide.http._aiohttp import lookup, shared

from .own import MODULES, without_aiohttp

own = without_aiohttp()
THEIRS = {
    **vars(aiohttp.http_exceptions),
    **vars(aiohttp.client_exceptions),
    **{name: getattr(aiohttp.client_reqrep, name) for name in ("ConnectionKey", "RequestInfo")},
    "Fingerprint": aiohttp.Fingerprint,
    "WebSocketError": aiohttp.WebSocketError,
    "WSHandshakeError": aiohttp.http_websocket.WSHandshakeError,
}
HEADERS = CIMultiDictProxy(CIMultiDict({"X": "y"}))
URL_ = URL("http://a.example/p#f")
OS_ERROR = OSError(errno.ECONNREFUSED, "Connection refused")
NO_MATCH = ValueError("no match")
CERTIFICATE_ERROR = ssl.SSLCertVerificationError(1, "bad certificate")


def key(module, tls=True):
    return module.ConnectionKey("a.example", 443, True, tls, None, None, None)


def info(module):
    return module.RequestInfo(URL_.with_fragment(None), "GET", HEADERS, URL_)


CASES = {
    "ClientError": [lambda m: ("x",)],
    "ClientConnectionError": [lambda m: ("x", 1)],
    "ClientConnectionResetError": [lambda m: ("x",)],
    "ClientOSError": [lambda m: (errno.EPIPE, "broken")],
    "ServerConnectionError": [lambda m: ()],
    "ServerTimeoutError": [lambda m: ("x",)],
    "ConnectionTimeoutError": [lambda m: ("x",)],
    "SocketTimeoutError": [lambda m: ("x",)],
    "ClientPayloadError": [lambda m: ("x",)],
    "UploadAbortedError": [lambda m: ("x",)],
    "RedirectClientError": [lambda m: ("x",)],
    "NonHttpUrlClientError": [lambda m: (URL_,)],
    "NonHttpUrlRedirectClientError": [lambda m: (URL_,)],
    "WSMessageTypeError": [lambda m: ("x",)],
    "ServerDisconnectedError": [lambda m: (), lambda m: ("x",)],
    "ServerFingerprintMismatch": [lambda m: (b"a", b"b", "h", 1)],
    "InvalidURL": [lambda m: (URL_,), lambda m: ("bad", "why"), lambda m: ("bad", "")],
    "InvalidUrlClientError": [lambda m: ("bad", "why")],
    "InvalidUrlRedirectClientError": [lambda m: ("bad",)],
    **{
        name: [lambda m: (key(m), OS_ERROR), lambda m: (key(m, tls=False), OS_ERROR)]
        for name in (
            "ClientConnectorError",
            "ClientConnectorDNSError",
            "ClientProxyConnectionError",
            "ClientSSLError",
            "ClientConnectorSSLError",
        )
    },
    "UnixClientConnectorError": [lambda m: ("/run/x", key(m), OS_ERROR)],
    "ClientConnectorCertificateError": [
        lambda m: (key(m), CERTIFICATE_ERROR),
        lambda m: (key(m), NO_MATCH),
    ],
    "HttpBadRequest": [lambda m: ("m",)],
    "BadHttpMessage": [lambda m: ("two\nlines",)],
    "PayloadEncodingError": [lambda m: ("m",)],
    "ContentEncodingError": [lambda m: ("m",)],
    "TransferEncodingError": [lambda m: ("m",)],
    "ContentLengthError": [lambda m: ("m",)],
    "DecompressSizeError": [lambda m: ("m",)],
    "InvalidURLError": [lambda m: ("m",)],
    "LineTooLong": [lambda m: (b"line",), lambda m: ("line", 10, "11")],
    "InvalidHeader": [lambda m: (b"a\xffb",), lambda m: ("ab",)],
    "BadStatusLine": [lambda m: (), lambda m: ("x",), lambda m: (b"x",), lambda m: ("x", "why")],
    "BadHttpMethod": [lambda m: ("x",), lambda m: ("\x16\x03\x01",), lambda m: ("x", "why")],
    "WebSocketError": [lambda m: (1002, "bad frame")],
    "WSHandshakeError": [lambda m: ("x",)],
}
RESPONSE_ERRORS = [
    "ClientResponseError",
    "ContentTypeError",
    "WSServerHandshakeError",
    "ClientHttpProxyError",
    "TooManyRedirects",
]
MADE = [(name, make) for name, makes in CASES.items() for make in makes]


def simple(value):
    """What can be compared between the two sets of classes."""
    if isinstance(value, tuple):
        return tuple(map(simple, value))
    if isinstance(value, dict):
        return {name: simple(item) for name, item in value.items()}
    if isinstance(value, BaseException):
        return type(value).__name__, simple(value.args)
    return value


def seen(error):
    attributes = {
        name: simple(getattr(error, name, None))  # OSError lists what it may not have
        for name in dir(error)
        if not name.startswith("_") and name not in ("add_note", "with_traceback")
    }
    reduced = error.__reduce__()
    return (
        str(error),
        repr(error),
        simple(error.args),
        simple(reduced[1:]),
        {name: value for name, value in attributes.items() if not callable(value)},
    )


def test_every_error_is_tested():
    errors = {name for name in _errors.__all__ if inspect.isclass(getattr(_errors, name))}
    errors -= {"ConnectionKey", "Fingerprint", "RequestInfo", "HttpProcessingError"}
    assert errors == {*CASES, *RESPONSE_ERRORS}


def test_no_error_of_aiohttp_is_missing():
    public = set(aiohttp.client_exceptions.__all__) | {"TooManyRedirects"}
    assert public <= set(_errors.__all__)


def test_classes_are_those_of_aiohttp():
    for name in _errors.__all__:
        assert getattr(_errors, name) is THEIRS[name]


def test_classes_without_aiohttp_have_the_same_bases():
    for name in _errors.__all__:
        ours, theirs = getattr(own._errors, name), THEIRS[name]
        assert ours is not theirs
        assert [cls.__name__ for cls in ours.__mro__] == [cls.__name__ for cls in theirs.__mro__]


def test_errors_without_aiohttp_look_the_same():
    for name, make in MADE:
        ours = getattr(own._errors, name)(*make(own._errors))
        theirs = THEIRS[name](*make(_errors))
        assert seen(ours) == seen(theirs), name


@pytest.mark.parametrize(
    "options", [{}, {"status": 404, "message": "Not Found"}, {"status": 200, "headers": HEADERS}]
)
def test_response_errors_without_aiohttp_look_the_same(options):
    def look(module, cls):
        error = cls(info(module), (), **options)
        shown = {name: value for name, value in vars(error).items() if name != "request_info"}
        return str(error), repr(error), simple(error.args), shown

    for name in RESPONSE_ERRORS:
        assert look(own._errors, getattr(own._errors, name)) == look(_errors, THEIRS[name])


@pytest.mark.parametrize("module", [own._errors, _errors], ids=["own", "aiohttps"])
def test_code_is_the_deprecated_name_of_status(module):
    with pytest.warns(DeprecationWarning, match="use status"):
        error = module.ClientResponseError(info(module), (), code=404)
    assert error.status == 404
    with pytest.warns(DeprecationWarning, match="use status"):
        assert error.code == 404
    with pytest.warns(DeprecationWarning, match="use status"):
        error.code = 500
    assert error.status == 500
    with pytest.raises(ValueError, match="Both code and status"):
        module.ClientResponseError(info(module), (), code=1, status=1)


def test_request_info_takes_the_url_for_the_real_one():
    ours = own._errors.RequestInfo(URL_, "GET", HEADERS)
    assert ours == aiohttp.RequestInfo(URL_, "GET", HEADERS)
    assert ours.real_url is URL_
    assert repr(ours) == repr(aiohttp.RequestInfo(URL_, "GET", HEADERS))


def test_connection_key_has_the_fields_of_aiohttp():
    assert own._errors.ConnectionKey._fields == _errors.ConnectionKey._fields
    assert own._errors.ConnectionKey._field_defaults == _errors.ConnectionKey._field_defaults


class Transport:
    def __init__(self, certificate):
        self.certificate = certificate

    def get_extra_info(self, name):
        values = {"sslcontext": self.certificate, "ssl_object": self, "peername": ("h", 1)}
        return values[name]

    def getpeercert(self, binary_form):
        assert binary_form
        return self.certificate


@pytest.mark.parametrize("module", [own._errors, _errors], ids=["own", "aiohttps"])
def test_fingerprint_refuses_another_certificate(module):
    digest = bytes.fromhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    fingerprint = module.Fingerprint(digest)
    assert fingerprint.fingerprint == digest
    fingerprint.check(Transport(b"abc"))
    fingerprint.check(Transport(None))
    # Imported when it is needed, so it is that of the modules in sys.modules for both.
    with pytest.raises(_errors.ServerFingerprintMismatch) as caught:
        fingerprint.check(Transport(b"other"))
    assert (caught.value.host, caught.value.port, caught.value.expected) == ("h", 1, digest)


@pytest.mark.parametrize("module", [own._errors, _errors], ids=["own", "aiohttps"])
@pytest.mark.parametrize("length", [0, 16, 20, 31])
def test_fingerprint_refuses_what_is_no_sha256(module, length):
    with pytest.raises(ValueError, match=r"invalid length|insecure"):
        module.Fingerprint(bytes(length))


def test_class_that_aiohttp_lacks_derives_from_one_that_it_has():
    @shared("client_exceptions")
    class OfTheFuture(_errors.ClientError):
        pass

    assert issubclass(OfTheFuture, aiohttp.ClientError)
    assert lookup("client_exceptions", "OfTheFuture") is None
    assert lookup("no_such_module", "ClientError") is None


def test_class_of_aiohttp_that_does_not_fit_is_not_taken():
    @shared("client_exceptions", fits=lambda theirs: False)
    class ClientError(Exception):
        pass

    assert ClientError is not aiohttp.ClientError


def test_modules_work_and_errors_are_pickled_without_aiohttp():
    program = """
        import importlib, pickle, sys

        class Blocker:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in BLOCKED:
                    raise ModuleNotFoundError(name, name=name)

        BLOCKED = {"aiohttp", "aiosignal", "frozenlist", "attr", "attrs"}
        sys.meta_path.insert(0, Blocker())
        for name in MODULES:
            importlib.import_module("aioxide.http." + name)

        from multidict import CIMultiDict, CIMultiDictProxy
        from yarl import URL
        from aioxide.http import _errors as e

        key = e.ConnectionKey("h", 1, False, True, None, None, None)
        info = e.RequestInfo(URL("http://h"), "GET", CIMultiDictProxy(CIMultiDict()))
        os_error = OSError(111, "refused")
        for error in [
            e.ClientConnectorError(key, os_error),
            e.ServerDisconnectedError("gone"),
            e.InvalidURL("bad", "why"),
            e.LineTooLong(b"x", 1),
            e.WebSocketError(1002, "bad"),
            e.ServerFingerprintMismatch(b"a", b"b", "h", 1),
        ]:
            back = pickle.loads(pickle.dumps(error))
            assert type(back) is type(error)
            assert str(back) == str(error), (str(back), str(error))
            assert back.__dict__.keys() == error.__dict__.keys()
        assert not BLOCKED & set(sys.modules), BLOCKED & set(sys.modules)
    """
    source = f"MODULES = {MODULES!r}\n" + textwrap.dedent(program)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
