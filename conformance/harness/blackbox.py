"""Tells black-box tests, which see of a client what a program sees, from white-box ones.

Read from the source. A test is white-box if its body, or that of a fixture, helper or class of the
same file or of conftest.py that it names,

* reads, sets or imports a private name: `x._y`, `from x import _y`, `getattr(x, "_y")`;
* mocks: `mock`, `mocker`, or a helper with `mocked` in its name;
* uses `monkeypatch` for more than environment variables and the working folder, which programs
  and shells change as well.

Helpers that do so and yet leave the client alone are named in the suite's file, with a reason.
"""

import ast
import re
from dataclasses import dataclass, field

from .suite import SuiteError

PRIVATE = re.compile(r"_(?!_)\w+")
MOCK = re.compile(r"mock|mocker|\w*(?:_mocked|mocked_)\w*|(?:Async|Magic|NonCallable)?Mock")
OUTSIDE = {"setenv", "delenv", "chdir"}
# Methods of named tuples: private by their look only.
PUBLIC = {"_asdict", "_fields", "_make", "_replace"}
BY_NAME = {"delattr", "getattr", "hasattr", "setattr"}


@dataclass
class Part:
    """A function or class at the top of a file, or a method of such a class."""

    name: str
    why: set[str]
    # Names of other parts: arguments, which may be fixtures, and what the body calls.
    names: set[str]
    bases: tuple[str, ...] = ()
    methods: dict[str, "Part"] = field(default_factory=dict)


class File:
    def __init__(self, path, shared=None):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if PRIVATE.fullmatch(alias.name)
        }
        self.parts = dict(shared.parts) if shared else {}
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                self.parts[node.name] = part(node, imported)

    def reasons(self, test, harmless=()):
        """Why a test, `function` or `Class.function`, is white-box; empty if it is not."""
        owner, dot, name = test.rpartition(".")
        found = self.method(owner, name) if dot else self.parts.get(name)
        if found is None:
            return ["not found in the source"]
        why = set(found.why)
        left = set(found.names)
        if dot:
            # The class's own fixtures and set-up run around each of its tests.
            left |= {owner}
        seen = set(harmless)
        while left:
            called = left.pop()
            if called in seen or called not in self.parts:
                continue
            seen.add(called)
            other = self.parts[called]
            left |= other.names | set(other.bases)
            why |= {f"{called}: {reason}" for reason in other.why}
            for method in other.methods.values():
                if called != owner or not method.name.startswith("test"):
                    left |= method.names
                    why |= {f"{called}.{method.name}: {reason}" for reason in method.why}
        return sorted(why)

    def method(self, owner, name):
        cls = self.parts.get(owner)
        if cls is None:
            return None
        found = cls.methods.get(name)
        inherited = (self.method(base, name) for base in cls.bases)
        return found or next(filter(None, inherited), None)


def part(node, imported):
    if isinstance(node, ast.ClassDef):
        methods = {
            item.name: part(item, imported)
            for item in node.body
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        bases = tuple(base.id for base in node.bases if isinstance(base, ast.Name))
        return Part(node.name, set(), set(), bases, methods)
    # Marks say what is run and when; `usefixtures` is the one that adds to the test.
    bodies = [node.args, *node.body, *filter(uses_fixtures, node.decorator_list)]
    nodes = [inner for body in bodies for inner in ast.walk(body)]
    names = {name for inner in nodes for name in names_in(inner)}
    return Part(node.name, {why for inner in nodes for why in look(inner, imported)}, names)


def uses_fixtures(decorator):
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("usefixtures")


def names_in(node):
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value  # of usefixtures, and of getfixturevalue


def look(node, imported):
    """What makes one node of a body white-box."""
    if isinstance(node, ast.Attribute):
        if PRIVATE.fullmatch(node.attr) and node.attr not in PUBLIC:
            yield f"private {node.attr}"
        of_monkeypatch = isinstance(node.value, ast.Name) and node.value.id == "monkeypatch"
        if of_monkeypatch and node.attr not in OUTSIDE:
            yield f"monkeypatch.{node.attr}"
    elif isinstance(node, ast.ImportFrom):
        yield from (f"private {alias.name}" for alias in node.names if PRIVATE.match(alias.name))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BY_NAME:
        texts = (arg.value for arg in node.args if isinstance(arg, ast.Constant))
        yield from (f"private {text}" for text in texts if PRIVATE.fullmatch(str(text)))
    name = node.id if isinstance(node, ast.Name) else node.arg if isinstance(node, ast.arg) else ""
    if name in imported:
        yield f"private {name}"
    if MOCK.fullmatch(name):
        yield name


def classify(folder, suite, harmless=()):
    """The reasons of each white-box test of a suite, by its id; no reason for a black-box one."""
    conftest = folder / "conftest.py"
    shared = File(conftest) if conftest.exists() else None
    found = {}
    parts = set()
    for cls in suite.classes:
        file = File(folder.joinpath(*cls.module.split(".")).with_suffix(".py"), shared)
        parts |= file.parts.keys()
        for test in cls.tests:
            found[cls.test_id(test)] = file.reasons(test.partition("[")[0], harmless)
    for name in harmless:
        if name not in parts:
            raise SuiteError(f"no helper or fixture {name!r}, which is said to be harmless")
    return found
