"""The files that a cookie jar is saved to and loaded from: JSON, and the pickles of older jars.

The JSON is aiohttp's. What a file says is no more trusted than what a server says: the jar takes
each cookie by the same rules.
"""

from __future__ import annotations

import json
import math
import os
import pickle
from http.cookies import Morsel
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Saved", "read", "write"]

#: Domain, name, cookie, whether it is for its host only, and when it ends.
Saved = tuple[str, str, "Morsel[str]", bool, float | None]

#: What a pickled jar consists of. Anything else could run code.
PICKLED = frozenset(
    {
        ("builtins", "dict"),
        ("builtins", "frozenset"),
        ("builtins", "set"),
        ("builtins", "tuple"),
        ("collections", "defaultdict"),
        ("http.cookies", "Morsel"),
        ("http.cookies", "SimpleCookie"),
    }
)

#: Counted from when the cookie came, so of no use later: the end is saved instead.
RELATIVE = frozenset({"max-age", "expires"})


#: Attributes that are always text.
TEXTS = frozenset({"domain", "path", "expires"})


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in PICKLED:
            raise pickle.UnpicklingError(
                f"Forbidden class: {module}.{name}. A cookie file holds cookies only."
            )
        return super().find_class(module, name)


def write(path: str | os.PathLike[str], entries: Iterable[tuple[Any, ...]]) -> None:
    """Write the entries of a native jar. A new file is readable by its owner only."""
    data: dict[str, dict[str, dict[str, Any]]] = {}
    for domain, folder, name, (key, value, coded_value, attributes), host_only, ends in entries:
        record: dict[str, Any] = {"key": key, "value": value, "coded_value": coded_value}
        record.update((n, v) for n, v in attributes if n not in RELATIVE and v)
        if host_only:
            record["host_only"] = True
        if ends is not None:
            record["expires_timestamp"] = ends
        data.setdefault(f"{domain}|{folder}", {})[name] = record
    with open(path, "w", encoding="utf-8", opener=_open_private) as file:
        json.dump(data, file, indent=2)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def read(path: str | os.PathLike[str]) -> list[Saved]:
    """Read a file of either kind.

    Raises OSError, and for a file that is malformed ValueError, UnpicklingError and others.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8") as file:
            data = json.load(file)
    except ValueError:  # neither text nor JSON
        with path.open("rb") as pickled:
            return list(_from_pickle(pickled))
    return list(_from_json(data))


def _from_json(data: dict[str, dict[str, dict[str, Any]]]) -> Iterator[Saved]:
    for place, records in data.items():
        domain, _ = place.split("|", 1)
        for name, record in records.items():
            morsel: Morsel[str] = Morsel()
            state = {part: record[part] for part in ("key", "value", "coded_value")}
            morsel.__setstate__(state)  # type: ignore[attr-defined]
            for attribute in morsel.keys() & record.keys():
                morsel[attribute] = _checked(attribute, record[attribute])
            ends = record.get("expires_timestamp")
            if ends is not None:
                ends = _finite(ends, name, place)
            yield domain, name, morsel, bool(record.get("host_only")), ends


def _checked(attribute: str, value: Any) -> Any:
    if isinstance(value, str) or (attribute not in TEXTS and isinstance(value, (int, float))):
        return value
    raise TypeError(f"The attribute {attribute} of a cookie cannot be {value!r}")


def _finite(ends: Any, name: str, place: str) -> float:
    try:
        number = float(ends)
        if not math.isfinite(number):
            raise ValueError(number)
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError(
            f"Cookie {name!r} in {place!r}: expiration timestamp must be a finite number"
        ) from error
    return number


def _from_pickle(file: IO[bytes]) -> Iterator[Saved]:
    for (domain, _), cookies in _Unpickler(file).load().items():
        for name, morsel in cookies.items():
            yield domain, name, morsel, False, None
