"""fork(): the child makes a loop of its own and does the parent's no harm.

Each test is a program of its own, with one thread until it forks.
"""

import pytest

PRELUDE = """
import asyncio, gc, signal, socket, sys, warnings

warnings.simplefilter("ignore", DeprecationWarning)

def fork(child):
    '''Run child() in a forked process; raise when it fails.'''
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code:
            raise SystemExit(f"the child ended with {code}")
        return
    code = 1
    try:
        child()
        code = 0
    except BaseException:
        import traceback
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

def new_loop_works():
    loop = new_event_loop()
    assert loop.run_until_complete(asyncio.sleep(0.001, "slept")) == "slept"
    loop.close()

"""


@pytest.fixture
def expect(child):
    def expect(program, *lines):
        import textwrap

        done = child(PRELUDE + textwrap.dedent(program))
        assert done.stderr == ""
        assert done.stdout.splitlines() == list(lines)
        assert done.returncode == 0

    return expect


def test_child_of_a_loop_that_rests(expect):
    expect(
        """
        loop = new_event_loop()
        loop.run_until_complete(asyncio.sleep(0))
        ours, theirs = socket.socketpair()
        seen = []
        loop.add_reader(ours, lambda: (seen.append(ours.recv(10)), loop.stop()))
        fork(new_loop_works)
        theirs.send(b"data")
        loop.run_forever()
        print(seen)
        loop.call_later(0.001, loop.stop)
        loop.run_forever()
        loop.close()
        ours.close()
        theirs.close()
        """,
        "[b'data']",
    )


def test_child_of_a_running_loop(expect):
    """fork() inside a callback: get_running_loop() knows nothing of it in the child."""
    expect(
        """
        loop = new_event_loop()

        def child():
            assert asyncio._get_running_loop() is None
            new_loop_works()

        async def main():
            await asyncio.sleep(0)
            fork(child)
            await asyncio.sleep(0.001)
            print("the parent goes on")

        loop.run_until_complete(main())
        loop.close()
        """,
        "the parent goes on",
    )


def test_child_that_closes_the_inherited_loop(expect):
    """Its descriptors are copies; what is registered with the kernel is the parent's."""
    expect(
        """
        loop = new_event_loop()
        ours, theirs = socket.socketpair()
        loop.add_reader(ours, loop.stop)
        fork(loop.close)
        theirs.send(b"x")
        loop.run_forever()
        loop.call_soon_threadsafe(loop.stop)
        loop.run_forever()
        print("works")
        loop.close()
        ours.close()
        theirs.close()
        """,
        "works",
    )


def test_child_that_drops_the_inherited_loop(expect):
    expect(
        """
        loop = new_event_loop()
        ours, theirs = socket.socketpair()
        loop.add_reader(ours, list)

        def child():
            global loop
            warnings.simplefilter("ignore", ResourceWarning)
            loop = None
            gc.collect()
            new_loop_works()

        fork(child)
        loop.add_reader(ours, loop.stop)
        theirs.send(b"x")
        loop.run_forever()
        loop.call_soon_threadsafe(loop.stop)
        loop.run_forever()
        print("works")
        loop.close()
        ours.close()
        theirs.close()
        """,
        "works",
    )


def test_wake_ups_of_a_child_do_not_reach_the_parent(expect):
    """The child's own loop wakes the child's own poll."""
    expect(
        """
        import threading
        loop = new_event_loop()
        loop.run_until_complete(asyncio.sleep(0))

        def child():
            own = new_event_loop()
            main_thread = threading.get_native_id()

            def thread():
                for _ in range(20):
                    wait_idle(main_thread)
                    own.call_soon_threadsafe(list)
                own.call_soon_threadsafe(own.stop)

            threading.Thread(target=thread).start()
            own.run_forever()
            own.close()

        fork(child)
        loop.call_later(0.001, loop.stop)
        loop.run_forever()
        print("works")
        loop.close()
        """,
        "works",
    )


def test_child_with_signal_handlers(expect):
    """A handler of the child's loop hears the child's signals, the parent's hears its own."""
    expect(
        """
        loop = new_event_loop()
        loop.add_signal_handler(signal.SIGUSR1, lambda: (print("parent"), loop.stop()))

        def child():
            own = new_event_loop()
            own.add_signal_handler(signal.SIGUSR1, lambda: (print("child"), own.stop()))
            signal.raise_signal(signal.SIGUSR1)
            own.run_forever()
            own.close()

        fork(child)
        signal.raise_signal(signal.SIGUSR1)
        loop.run_forever()
        loop.close()
        """,
        "child",
        "parent",
    )


def test_many_children(expect):
    expect(
        """
        async def main():
            for _ in range(10):
                fork(new_loop_works)
                await asyncio.sleep(0)

        loop = new_event_loop()
        loop.run_until_complete(asyncio.sleep(0))
        before = len(os.listdir("/proc/self/fd"))
        loop.run_until_complete(main())
        print(len(os.listdir("/proc/self/fd")) - before)
        loop.close()
        """,
        "0",
    )


def test_runner_in_a_child(expect):
    expect(
        """
        async def main():
            await asyncio.sleep(0.001)
            print("child")

        def child():
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(main())

        async def parent():
            fork(child)
            print("parent")

        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(parent())
        """,
        "child",
        "parent",
    )
