"""The packages that the client needs, asked for before an import deep inside of it fails."""

from importlib.util import find_spec

__all__: list[str] = []


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:
        # None in its place in sys.modules: somebody wants it not to be found.
        return False


for _name in ("multidict", "yarl"):
    if not _is_there(_name):
        raise ModuleNotFoundError(
            f"aioxide.http needs multidict and yarl, and there is no {_name}: "
            "pip install multidict yarl",
            name=_name,
        )
