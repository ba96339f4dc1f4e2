"""Where a task was spawned: every way to make one, and frames that are no Python function's."""

import asyncio
import gc
import sys
import weakref
from functools import partial

import pytest

import aioxide
from aioxide.diagnostics import sites


@pytest.fixture
def ours():
    loop = aioxide.new_event_loop()
    yield loop
    loop.close()


def line_of(marker):
    """The number of the line of this file that ends with a comment."""
    with open(__file__) as file:
        lines = [number for number, line in enumerate(file, 1) if line.endswith(f"# {marker}\n")]
    [line] = lines
    return line


def places(loop, task):
    return [
        (place.function.rpartition(".")[2], place.line) for place in sites.spawn_places(loop, task)
    ]


def inner():
    return asyncio.create_task(asyncio.sleep(0))  # create


async def outer():
    return inner()  # outer


def test_the_frames_that_called(ours):
    async def main():
        task = await outer()  # main
        found = places(ours, task)
        await task
        return found

    expected = [
        ("inner", line_of("create")),
        ("outer", line_of("outer")),
        ("main", line_of("main")),
    ]
    # asyncio.create_task is one of the four frames that are remembered.
    assert ours.run_until_complete(main()) == expected


def test_asyncios_own_frames_are_left_out(ours):
    async def main():
        async with asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.sleep(0))  # group
            [first, *_] = places(ours, task)
        return first

    assert ours.run_until_complete(main()) == ("main", line_of("group"))


def test_outside_of_a_run(ours):
    task = ours.create_task(asyncio.sleep(0))  # outside
    place = sites.spawn_place(ours, task)
    assert (place.file, place.line) == (__file__, line_of("outside"))
    assert place.source == "task = ours.create_task(asyncio.sleep(0))  # outside"
    ours.run_until_complete(task)


def test_from_a_generator_a_lambda_and_a_comprehension(ours):
    def generate():
        yield ours.create_task(asyncio.sleep(0))

    spawn = lambda: ours.create_task(asyncio.sleep(0))  # noqa: E731
    made = [
        next(generate()),
        spawn(),
        *[ours.create_task(asyncio.sleep(0)) for _ in range(1)],
        *map(ours.create_task, [asyncio.sleep(0)]),
    ]
    names = [places(ours, task)[0][0] for task in made]
    here = "test_from_a_generator_a_lambda_and_a_comprehension"
    # From 3.12 on a comprehension is no function.
    comprehension = here if sys.version_info >= (3, 12) else "<listcomp>"
    assert names == ["generate", "<lambda>", comprehension, here]
    ours.run_until_complete(asyncio.wait(made))


def test_the_code_is_kept_as_long_as_the_task(ours):
    names = {"asyncio": asyncio}
    exec("def spawn(loop):\n    return loop.create_task(asyncio.sleep(0))", names)
    task = names.pop("spawn")(ours)
    place = sites.spawn_place(ours, task)
    assert (place.file, place.line, place.function) == ("<string>", 2, "spawn")
    assert place.source == ""
    ours.run_until_complete(task)
    assert places(ours, task) == []


def spawners(count):
    """Functions that spawn, all with one innermost line, each called from a line of its own."""
    names = {"asyncio": asyncio}
    source = "".join(f"def spawn{number}(spawn):\n    return spawn()\n" for number in range(count))
    exec(source, names)
    return [names[f"spawn{number}"] for number in range(count)]


@pytest.mark.parametrize("count", [1, 2, 33, 500])
def test_each_task_has_its_own_site_in_any_order(ours, count):
    def spawn():
        return ours.create_task(asyncio.sleep(0))  # innermost

    functions = spawners(count)
    made = [(number, functions[number](spawn)) for _ in range(3) for number in range(count)]
    for number, task in made:
        [innermost, caller, *_] = places(ours, task)
        assert innermost == ("spawn", line_of("innermost"))
        assert caller == (f"spawn{number}", 2 * number + 2)
    ours.run_until_complete(asyncio.wait([task for _, task in made]))


def test_few_codes_outlive_their_tasks_and_none_the_loop():
    loop = aioxide.new_event_loop()
    functions = spawners(500)
    codes = [weakref.ref(function.__code__) for function in functions]
    spawn = partial(lambda loop: loop.create_task(asyncio.sleep(0)), loop)
    tasks = [function(spawn) for function in functions]
    del functions, spawn
    loop.run_until_complete(asyncio.wait(tasks))
    del tasks
    gc.collect()
    assert sum(code() is not None for code in codes) < 100
    loop.close()
    del loop
    gc.collect()
    assert not any(code() for code in codes)


def test_a_task_that_is_made_by_its_class_has_none(ours):
    task = asyncio.Task(asyncio.sleep(0), loop=ours)
    assert places(ours, task) == []
    ours.run_until_complete(task)


def test_without_reports_no_sites_are_kept():
    loop = aioxide.new_event_loop(diagnostics=aioxide.Diagnostics.off())
    task = loop.create_task(asyncio.sleep(0))
    assert places(loop, task) == []
    loop.run_until_complete(task)
    loop.close()


def test_deep_recursion(ours):
    def spawn(depth):
        return spawn(depth - 1) if depth else ours.create_task(asyncio.sleep(0))

    task = spawn(200)
    assert [name for name, _ in places(ours, task)] == ["spawn"] * 4
    ours.run_until_complete(task)


@pytest.mark.skipif(
    sys.implementation.name != "cpython" or not (3, 11) <= sys.version_info < (3, 16),
    reason="where frames lie is known of CPython 3.11 to 3.15",
)
def test_frames_are_read_where_they_lie(ours):
    assert ours._reads_frames


def test_an_object_that_is_made_often_spawns(ours):
    """CPython puts a frame of its own between `__init__()` and who called it."""

    class Spawner:
        def __init__(self):
            self.task = asyncio.create_task(asyncio.sleep(0))  # init

    async def main():
        for _ in range(1000):
            task = Spawner().task  # made
            found = places(ours, task)
            await task
        return found

    expected = [("__init__", line_of("init")), ("main", line_of("made"))]
    assert ours.run_until_complete(main()) == expected


def test_frames_called_by_c_code(ours):
    def key(item):
        tasks.append(asyncio.create_task(asyncio.sleep(0)))  # key
        return item

    async def main():
        sorted([1], key=key)  # sorted
        [task] = tasks
        found = places(ours, task)
        await task
        return found

    tasks = []
    expected = [("key", line_of("key")), ("main", line_of("sorted"))]
    assert ours.run_until_complete(main()) == expected
