"""Programs that have child processes, or send their own classes about."""

import multiprocessing

import pytest

PICKLE = """
    import pickle, copyreg
    class Point:
        def __init__(self, x):
            self.x = x
        def __eq__(self, other):
            return vars(self) == vars(other)
    def function():
        pass
    if __name__ == "__main__":
        assert pickle.loads(pickle.dumps(Point(3))) == Point(3)
        assert pickle.loads(pickle.dumps(function)) is function
        print(pickle.dumps(Point(3)))
    """

POOL = """
    import asyncio, multiprocessing, sys
    from concurrent.futures import ProcessPoolExecutor

    class Point:
        def __init__(self, x):
            self.x = x

    def twice(point):
        return Point(point.x * 2)

    async def main(pool):
        loop = asyncio.get_running_loop()
        points = [loop.run_in_executor(pool, twice, Point(n)) for n in range(4)]
        return [point.x for point in await asyncio.gather(*points)]

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            print(asyncio.run(main(pool)))
        process = context.Process(target=print, args=("child ran",))
        process.start()
        process.join()
        print(process.exitcode)
    """

CHILDS_LOOP = """
    import asyncio, multiprocessing
    async def main():
        print(type(asyncio.get_running_loop()).__module__, flush=True)
    def child():
        asyncio.run(main())
    if __name__ == "__main__":
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join()
    """


@pytest.mark.parametrize("line", [["program.py"], ["-m", "program"], ["."]])
def test_classes_of_the_program_are_pickled(launch, write, line):
    write("program.py", PICKLE)
    write("__main__.py", PICKLE)
    assert "__main__" in launch.same(*line).stdout


@pytest.mark.parametrize(
    ("line", "method"),
    [
        *((["program.py"], method) for method in multiprocessing.get_all_start_methods()),
        (["-m", "package.program"], "spawn"),
        (["./package/program.py"], "spawn"),
    ],
)
def test_children_find_the_program(launch, write, line, method):
    write("program.py", POOL)
    write("package/program.py", POOL)
    ended = launch.same(*line, method)
    assert ended.stdout == "[0, 2, 4, 6]\nchild ran\n0\n"
    assert ended.stderr == ""


def test_forked_child_keeps_the_loop(launch, write):
    write("program.py", CHILDS_LOOP)
    assert launch.aioxide("program.py").stdout == "aioxide._loop\n"


def test_child_interpreter_is_plain_python(launch, write):
    """What the command did to asyncio ends with its process: sys.executable is Python."""
    write(
        "program.py",
        """
        import subprocess, sys
        code = "import asyncio; print(type(asyncio.new_event_loop()).__module__)"
        print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
        """,
    )
    assert launch.same("program.py").stdout == "asyncio.unix_events\n\n"
