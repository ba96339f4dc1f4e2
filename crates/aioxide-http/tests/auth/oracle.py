"""Writes down what aiohttp does with credentials: the *.txt files beside this one.

    python oracle.py [CASES [SEED]]

needs aiohttp 3.14.5 and Python 3.11 or later. Each line is a case; its fields are percent-encoded
UTF-8 with tabs between.
"""

import asyncio
import random
import re
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import quote

import aiohttp
from aiohttp.client_middleware_digest_auth import (
    DigestAuthMiddleware,
    DigestFunctions,
    parse_header_pairs,
)
from aiohttp.payload import BytesPayload
from yarl import URL

HERE = Path(__file__).parent
SAFE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
HEADERS = [
    'Digest realm="a", nonce="b", qop="auth"',
    "realm=a,nonce=b",
    'Digest realm="p", nonce="n", Basic realm="o"',
    'realm  =  "test"  ,  nonce  =  "123"',
    'realm="test\\"realm"',
    'realm="DOM\\user"',
    'realm="a\\\\b"',
    "realm='x y'",
    'Digest realm="open, nonce="n"',
    'Digest realm=, nonce="n"',
    'Digest realm="a", opaque=, nonce="n"',
    "=x, realm=a",
    'Digest foo realm="a"',
    'Digest realm="a" nonce="b"',
    'Digest realm="a",,nonce="b"',
    ",realm=a",
    'realm="a"nonce="b"',
    "realm=a;nonce=b",
    'Digest realm="é", ñ="b"',
    'realm="a", realm="b"',
    "Digest",
    "",
    'Digest qop="auth,auth-int", algorithm=SHA-256',
    'realm="a\\',
    'realm="a\tb"',
    "a-b=c, d",
    'domain="/a http://b.c/"',
    'nonce=a==, realm="=,="',
]


def field(text: str) -> str:
    return quote(text, safe=SAFE)


def line(*fields: str) -> str:
    return "\t".join(field(text) for text in fields)


def mutated(rng: random.Random, text: str) -> str:
    """With a few characters changed that mean something."""
    letters = list(text)
    for _ in range(rng.randrange(5)):
        place = rng.randrange(len(letters) + 1)
        letters[place : place + rng.randrange(2)] = rng.choice('"=\\ ,\té0a\n')
    return "".join(letters)


def parameters(rng: random.Random, cases: int) -> Iterable[str]:
    texts = HEADERS + [mutated(rng, rng.choice(HEADERS)) for _ in range(cases)]
    for text in texts:
        yield line(text, *(part for pair in parse_header_pairs(text).items() for part in pair))


def answers(rng: random.Random, cases: int) -> Iterable[str]:
    for _ in range(cases):
        qop = rng.choice(["", "auth", "auth-int", "auth, auth-int", " auth ,x"])
        names = [name for name in DigestFunctions if qop or not name.endswith("-SESS")]
        algorithm = rng.choice([*names, "", "md5", "sha-256"])
        realm, nonce = (
            rng.choice(["", "r", 're"alm', "é", "DOM\\u"]),
            rng.choice(["n", 'n"\\', "é1"]),
        )
        opaque = rng.choice(["", "o", 'o"p'])
        login, password = rng.choice(["user", 'u"s\\er', "é"]), rng.choice(["", "pass", "p:é"])
        method, url = (
            rng.choice(["GET", "post"]),
            URL(rng.choice(["http://x.com", "http://x.com/a?b=c d&e=é", "http://x.com/%7ea"])),
        )
        body = rng.choice([b"", b"body", "é".encode()])
        auth = DigestAuthMiddleware(login, password)
        auth._challenge = {"realm": realm, "nonce": nonce}
        if qop:
            auth._challenge["qop"] = qop
        if algorithm:
            auth._challenge["algorithm"] = algorithm
        if opaque:
            auth._challenge["opaque"] = opaque
        auth._nonce_count = rng.choice([0, 9])
        auth._last_nonce_bytes = nonce.encode() if auth._nonce_count else b""
        uses = str(auth._nonce_count)
        payload = BytesPayload(body)
        header = asyncio.run(auth._encode(method, url, payload))
        found = re.search(' cnonce="([0-9a-f]{16})"', header)
        cnonce = found[1] if found else "0" * 16
        yield line(
            login,
            password,
            realm,
            nonce,
            qop,
            algorithm,
            opaque,
            uses,
            method,
            url.raw_path_qs,
            body.decode(),
            cnonce,
            header,
        )


def basics(rng: random.Random, cases: int) -> Iterable[str]:
    headers = [
        f"Basic {code}"
        for code in (
            "YTpi",
            "YTo=",
            "OmI=",
            "Og==",
            "YQ==",
            "YTpi=",
            "YTo",
            "YTp=",
            "YR==",
            "YTpiOmM=",
            "Y Tpi",
            "",
            "=",
            "é",
            "YTq=",
            "YTpi\n",
        )
    ]
    headers += [
        "basic YTpi",
        "BASIC YTpi",
        "Bearer YTpi",
        "Basic",
        "",
        "Basic  YTpi",
        " Basic YTpi",
    ]
    for _ in range(cases // 10):
        code = "".join(rng.choices("YTpiOmM=+/", k=rng.randrange(9)))
        headers.append(f"Basic {code}")
    for header in headers:
        try:
            auth = aiohttp.BasicAuth.decode(header)
        except ValueError:
            yield line(header)
        else:
            yield line(header, auth.login, auth.password)


def userinfos(rng: random.Random, cases: int) -> Iterable[str]:
    for part in [
        "user",
        "u%40b",
        "%C3%A9",
        "%E9",
        "%e9a",
        "a+b%2Bc",
        "%25",
        "%2",
        "%zz",
        "%C3%A9%FF",
        "%00",
        "%3A%2F",
    ]:
        yield line(
            URL(f"http://{part}@x.com").raw_user or "", URL(f"http://{part}@x.com").user or ""
        )


PARTS: dict[str, Callable[[random.Random, int], Iterable[str]]] = {
    "parameters": parameters,
    "answers": answers,
    "basic": basics,
    "userinfo": userinfos,
}


def main() -> None:
    warnings.simplefilter("ignore")
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    for name, part in PARTS.items():
        header = f"# aiohttp {aiohttp.__version__}, by oracle.py"
        lines = [header, *part(random.Random(seed), cases)]
        (HERE / f"{name}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
