"""The names of headers that the client itself gives or looks for."""

from __future__ import annotations

from multidict import istr

ACCEPT = istr("Accept")
ACCEPT_ENCODING = istr("Accept-Encoding")
AUTHORIZATION = istr("Authorization")
CONNECTION = istr("Connection")
CONTENT_ENCODING = istr("Content-Encoding")
CONTENT_LENGTH = istr("Content-Length")
CONTENT_TYPE = istr("Content-Type")
COOKIE = istr("Cookie")
EXPECT = istr("Expect")
HOST = istr("Host")
TRANSFER_ENCODING = istr("Transfer-Encoding")
USER_AGENT = istr("User-Agent")
