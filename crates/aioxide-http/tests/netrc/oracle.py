"""Writes down what Python's netrc reads: files.txt beside this one.

    python oracle.py [CASES [SEED]]

needs Python 3.14 or later. Each line is a case: the text of a file, and either what is wrong or
all that was read; the fields are percent-encoded UTF-8 with tabs between.
"""

import netrc
import random
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).parent
SAFE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
WORDS = [
    "machine",
    "machine",
    "default",
    "login",
    "login",
    "user",
    "password",
    "password",
    "account",
    "macdef",
    "#",
    "#c",
    "# c d",
    "a.com",
    "b.com",
    "me",
    "secret",
    '"q w"',
    '""',
    '"q\\"w"',
    "p\\ w",
    "\\#x",
    "#pass",
    'a"b',
    '"open',
    "\\",
    "é",
    "init\n\tcd /\n\n",
]
FILES = [
    "",
    "machine a.com login me password secret",
    "machine a.com\n\tlogin me\n\tpassword secret\n",
    "default login anonymous password user@site",
    "machine a.com login me password #secret\n",
    "machine a.com login me # c d\npassword x\n",
    "# top of it\nmachine a.com login me\n",
    "#top\nmachine a.com login me\n",
    "#top of it\nmachine a.com login me\n",
    "machine a.com login me\n\n# c d\nmachine b.com login you\n",
    "macdef init\n\tcd /\n\tput x\n\nmachine a.com login me\n",
    "macdef init\n\tcd /\n",
    "machine a.com login me macdef x\ny\n\n",
    "machine",
    "machine a.com login",
    'machine a.com password ""',
    "machine a.com login me\r\npassword x\r\n",
    "machine a.com account only password x",
    "machine a.com login a machine a.com login b",
    "machine default login a",
    "login me",
    "machine a.com me",
    '""',
    'machine "" login a',
    "machine a.com login me password",
    "\ufeffmachine a",
    "machine a.com login\tme\x0bx",
    "macdef\n\n",
    "default\n",
    "machine a.com #",
]


def field(text: str) -> str:
    return quote(text, safe=SAFE)


def line(*fields: str) -> str:
    return "\t".join(field(text) for text in fields)


def read(path: Path) -> list[str]:
    try:
        found = netrc.netrc(path)
    except netrc.NetrcParseError as error:
        return ["error", error.msg.split()[0]]
    hosts = [part for host in sorted(found.hosts) for part in (host, *found.hosts[host])]
    names = sorted(found.macros, key=lambda name: name or "")
    macros = [part for name in names for part in ("macro", name or "", *found.macros[name])]
    return ["hosts", *hosts, *macros]


def files(rng: random.Random, cases: int) -> Iterable[str]:
    texts = list(FILES)
    for _ in range(cases):
        words = rng.choices(WORDS, k=rng.randrange(1, 12))
        texts.append(
            "".join(
                word + rng.choice([" ", "\n", "\n\n", "\t", ""][: rng.choice([2, 5])])
                for word in words
            )
        )
    for _ in range(cases):
        entry = (
            f"machine {rng.choice(WORDS)} login {rng.choice(WORDS)} password {rng.choice(WORDS)}"
        )
        texts.append(entry.replace(" ", rng.choice([" ", "\n", "  "])) + "\n" + rng.choice(FILES))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "netrc"
        for text in texts:
            path.write_text(text, encoding="utf-8", newline="")
            yield line(text, *read(path))


def main() -> None:
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    version = ".".join(map(str, sys.version_info[:3]))
    lines = [f"# Python {version}, by oracle.py", *files(random.Random(seed), cases)]
    (HERE / "files.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
