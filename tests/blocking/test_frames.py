"""Stacks that are read from memory are those that Python tells of."""

import random
import sys
import traceback

import pytest

from aioxide import _aioxide


def told():
    """As the native walk gives it, without the frame of this function."""
    frames = []
    frame = sys._getframe(1)
    while frame is not None and len(frames) < 64:
        code = frame.f_code
        frames.append((code.co_filename, frame.f_lineno, code.co_qualname))
        frame = frame.f_back
    return frames


def both():
    read = _aioxide._read_own_stack()
    return read[1:], told()[1:]


@pytest.fixture(autouse=True)
def readable():
    if isinstance(_aioxide._read_own_stack(), str):
        pytest.skip(_aioxide._read_own_stack())


def test_frames_can_be_read_here():
    if sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)():
        assert not isinstance(_aioxide._read_own_stack(), str)


def test_stack_is_read_as_python_tells_it():
    def inner():
        return both()

    outer = [lambda: inner()][0]
    read, frames = outer()
    assert read == frames
    assert read[0][2].endswith("inner")


def test_recursion_is_cut_at_sixty_four():
    def recurse(depth):
        return recurse(depth - 1) if depth else both()

    read, frames = recurse(200)
    assert len(read) == 63
    assert read == frames[:63]


def test_init_that_is_called_often_is_read():
    """CPython puts a frame of its own before it once it knows the call."""

    class Made:
        def __init__(self):
            self.stacks = both()

    for _ in range(1000):
        read, frames = Made().stacks
        assert read == frames
        assert read[0][2].endswith("Made.__init__")


def test_generators_and_comprehensions_are_read():
    def generate():
        yield from (both() for _ in [0])

    (read, frames), *_ = list(generate())
    assert read == frames


def test_coroutines_are_read():
    async def one():
        return both()

    async def other():
        return await one()

    with pytest.raises(StopIteration) as stopped:
        other().send(None)
    read, frames = stopped.value.value
    assert read == frames
    assert [frame[2].rpartition(".")[2] for frame in read[:2]] == ["one", "other"]


def test_callbacks_from_c_are_read():
    results = []
    sorted([2, 1], key=lambda item: results.append(both()) or item)
    assert len(results) == 2
    for read, frames in results:
        assert read == frames


@pytest.mark.parametrize("name", ["caf\u00e9", "\u4e2d\u6587", "\U00010400x", "a" * 300])
def test_names_of_all_widths_are_read(name):
    scope = {"both": both}
    source = "\n" * 300 + f"def f():\n    return both()\n\ndef {name}(): return f()\n"
    exec(compile(source, f"/no/{name}.py", "exec"), scope)
    read, frames = next(
        value for key, value in scope.items() if key not in ("f", "both", "__builtins__")
    )()
    assert read == frames
    assert read[0][1] == 302


def test_lines_of_random_functions_are_read():
    """Long lines, long jumps, lines out of order, and code without columns."""
    random.seed(5)
    for _ in range(60):
        lines = ["def f():"]
        calls = 0
        for _ in range(random.randrange(1, 30)):
            lines += [""] * random.choice([0, 0, 1, 3, 70, 200, 1100])
            gap = " " * random.choice([0, 1, 90, 300])
            if random.random() < 0.5:
                calls += 1
                shape = random.choice(
                    [
                        "r.append({}both())",
                        "r.append({}(\n\n both()\n))",
                        "r.append([\nboth(){}\n][0])",
                    ]
                )
                lines.append("  " + shape.format(gap))
            else:
                lines.append(f"  x = [{gap}1,\n2]")
        lines.append("  return")
        results = []
        scope = {"both": both, "r": results}
        exec(compile("\n".join(lines), "made.py", "exec"), scope)
        scope["f"]()
        assert len(results) == calls
        for read, frames in results:
            assert read == frames


def test_frames_of_the_standard_library_are_read():
    import json

    class Odd(int):
        def __repr__(self):
            results.append(both())
            return "1"

    results = []

    def default(value):
        results.append(both())
        return

    json.dumps([object()], default=default)
    traceback.format_list(traceback.extract_stack())
    assert results
    for read, frames in results:
        assert read == frames
