"""Ctrl-C in every state of a loop, each in an interpreter of its own."""

import pytest

PRELUDE = """
import asyncio, signal, sys, threading

main_thread = threading.get_native_id()

def interrupt(ready=None):
    '''Send SIGINT when the loop is idle, or else when the event says so.'''
    def thread():
        if ready is None:
            wait_idle(main_thread)
        else:
            ready.wait()
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=thread, daemon=True).start()

"""


@pytest.fixture
def expect(child):
    """Runs a program that must print the given lines, nothing else, and end well."""

    def expect(program, *lines, code=0):
        import textwrap

        done = child(PRELUDE + textwrap.dedent(program))
        assert done.stderr == ""
        assert done.stdout.splitlines() == list(lines)
        assert done.returncode == code

    return expect


def test_idle(expect):
    expect(
        """
        loop = new_event_loop()
        interrupt()
        try:
            loop.run_forever()
        except KeyboardInterrupt:
            print("interrupted", loop.is_running(), loop.is_closed())
        loop.run_until_complete(asyncio.sleep(0.001))
        loop.close()
        print("closed")
        """,
        "interrupted False False",
        "closed",
    )


def test_idle_with_a_timer_and_a_watcher(expect):
    expect(
        """
        import socket
        loop = new_event_loop()
        ours, theirs = socket.socketpair()
        seen = []
        loop.add_reader(ours, lambda: (seen.append(ours.recv(1)), loop.stop()))
        loop.call_later(3600, print, "timer")
        interrupt()
        try:
            loop.run_forever()
        except KeyboardInterrupt:
            print("interrupted")
        theirs.send(b"x")
        loop.run_forever()
        print(seen)
        loop.close()
        ours.close()
        theirs.close()
        """,
        "interrupted",
        "[b'x']",
    )


def test_idle_again_and_again(expect):
    expect(
        """
        loop = new_event_loop()
        for _ in range(20):
            interrupt()
            try:
                loop.run_forever()
            except KeyboardInterrupt:
                print("interrupted")
        loop.close()
        """,
        *["interrupted"] * 20,
    )


def test_idle_after_a_signal_handler_was_removed(expect):
    """The wake-up descriptor of the loop comes and goes; SIGINT arrives all the same."""
    expect(
        """
        loop = new_event_loop()
        loop.add_signal_handler(signal.SIGUSR1, loop.stop)
        interrupt()
        try:
            loop.run_forever()
        except KeyboardInterrupt:
            print("with a handler")
        loop.remove_signal_handler(signal.SIGUSR1)
        interrupt()
        try:
            loop.run_forever()
        except KeyboardInterrupt:
            print("without")
        loop.close()
        """,
        "with a handler",
        "without",
    )


def test_in_a_callback(expect):
    expect(
        """
        loop = new_event_loop()
        ready = threading.Event()
        interrupt(ready)

        def spin():
            try:
                ready.set()
                while True:
                    pass
            except KeyboardInterrupt:
                print("in the callback")
                raise

        loop.call_soon(spin)
        loop.call_soon(print, "next")
        loop.call_soon(loop.stop)
        try:
            loop.run_forever()
        except KeyboardInterrupt:
            print("out of the loop")
        loop.run_forever()
        loop.close()
        """,
        "in the callback",
        "out of the loop",
        "next",
    )


def test_in_a_running_task(expect):
    expect(
        """
        loop = new_event_loop()
        ready = threading.Event()
        interrupt(ready)

        async def spin():
            try:
                ready.set()
                while True:
                    pass
            except KeyboardInterrupt:
                print("in the task")
                raise

        task = loop.create_task(spin())
        try:
            loop.run_forever()
        except KeyboardInterrupt:
            print("out of the loop")
        print(task.done(), type(task.exception()).__name__)
        loop.close()
        """,
        "in the task",
        "out of the loop",
        "True KeyboardInterrupt",
    )


def test_in_a_busy_loop_of_tasks(expect):
    """Tasks that never let the loop idle: the interrupt comes out, wherever it hits."""
    expect(
        """
        loop = new_event_loop()
        ready = threading.Event()
        interrupt(ready)

        async def spin():
            for _ in range(100):
                await asyncio.sleep(0)
            ready.set()
            while True:
                await asyncio.sleep(0)

        tasks = [loop.create_task(spin()) for _ in range(3)]
        try:
            loop.run_until_complete(asyncio.wait(tasks))
        except KeyboardInterrupt:
            print("interrupted")
        print(loop.is_running())
        os._exit(0 if sys.stdout.flush() is None else 1)
        """,
        "interrupted",
        "False",
    )


def test_inside_run_until_complete(expect):
    expect(
        """
        loop = new_event_loop()

        async def main():
            try:
                await loop.create_future()
            finally:
                print("finally")

        task = loop.create_task(main())
        interrupt()
        try:
            loop.run_until_complete(task)
        except KeyboardInterrupt:
            print("interrupted", task.done())
        task.cancel()
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            print("cancelled")
        loop.close()
        """,
        "interrupted False",
        "finally",
        "cancelled",
    )


def test_uncaught(child):
    """The process ends as one that SIGINT killed, with the traceback of the wait."""
    import signal

    done = child(
        PRELUDE
        + """
loop = new_event_loop()
interrupt()
try:
    loop.run_forever()
finally:
    loop.close()
"""
    )
    assert done.returncode == -signal.SIGINT
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")
    assert "panic" not in done.stderr


def test_runner_cancels_the_main_task(expect):
    """asyncio.run's promise: the main task is cancelled, then KeyboardInterrupt comes out."""
    expect(
        """
        async def main():
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                print("cancelled")
                raise
            finally:
                await asyncio.sleep(0)
                print("cleaned up")

        interrupt()
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(main())
        except KeyboardInterrupt:
            print("interrupted")
        print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
        """,
        "cancelled",
        "cleaned up",
        "interrupted",
        "True",
    )


def test_runner_with_a_main_task_that_is_running(expect):
    """The first one waits for the task to await something."""
    expect(
        """
        ready = threading.Event()

        async def main():
            before = asyncio.current_task().cancelling()
            ready.set()
            while not asyncio.current_task().cancelling():
                pass
            print("noticed")
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                print("cancelled")
                raise

        interrupt(ready)
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(main())
        except KeyboardInterrupt:
            print("interrupted")
        """,
        "noticed",
        "cancelled",
        "interrupted",
    )


def test_runner_with_a_main_task_that_goes_on(expect):
    expect(
        """
        async def main():
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                print("not now")
            return "result"

        interrupt()
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            print(runner.run(main()))
        """,
        "not now",
        "result",
    )


def test_runner_interrupted_twice(expect):
    """The second one does not wait."""
    expect(
        """
        ready = threading.Event()

        async def main():
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                print("cancelled")
                ready.set()
                while True:
                    pass

        # Idle: asyncio sleeps on if it is interrupted just before it waits.
        interrupt()
        interrupt(ready)
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(main())
        except KeyboardInterrupt:
            print("interrupted")
        """,
        "cancelled",
        "interrupted",
    )


def test_runner_can_be_used_again(expect):
    expect(
        """
        async def wait():
            await asyncio.get_running_loop().create_future()

        async def answer():
            return 42

        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            for _ in range(3):
                interrupt()
                try:
                    runner.run(wait())
                except KeyboardInterrupt:
                    print("interrupted")
                print(runner.run(answer()))
        """,
        *["interrupted", "42"] * 3,
    )


def test_own_handler(expect):
    expect(
        """
        loop = new_event_loop()
        loop.add_signal_handler(signal.SIGINT, lambda: (print("handler"), loop.stop()))
        interrupt()
        loop.run_forever()
        loop.remove_signal_handler(signal.SIGINT)
        interrupt()
        try:
            loop.run_forever()
        except KeyboardInterrupt:
            print("interrupted")
        loop.close()
        """,
        "handler",
        "interrupted",
    )


def test_ignored(expect):
    expect(
        """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        loop = new_event_loop()

        def thread():
            wait_idle(main_thread)
            os.kill(os.getpid(), signal.SIGINT)
            loop.call_soon_threadsafe(loop.stop)

        threading.Thread(target=thread).start()
        loop.run_forever()
        loop.close()
        print("went on")
        """,
        "went on",
    )


def test_loop_in_another_thread(expect):
    """The interrupt is the main thread's; the loop goes on."""
    expect(
        """
        loop = new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        wait_idle(thread.native_id)
        try:
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait()
        except KeyboardInterrupt:
            print("interrupted")
        print(asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "alive"), loop).result())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        """,
        "interrupted",
        "alive",
    )


def test_nothing_ready_is_lost(expect):
    """Callbacks are chains that count; interrupts come from outside, at any moment between.

    The interrupts are delivered by a callback that raises the signal, so that none of them can
    hit inside the counting.
    """
    expect(
        """
        loop = new_event_loop()
        counts = [0] * 10

        def step(chain):
            counts[chain] += 1
            if counts[chain] < 100:
                loop.call_soon(step, chain)

        def hit(left):
            if left:
                loop.call_soon(hit, left - 1)
                signal.raise_signal(signal.SIGINT)

        for chain in range(5):
            loop.call_soon(step, chain)
        loop.call_soon(hit, 50)
        for chain in range(5, 10):
            loop.call_soon(step, chain)
        interrupts = 0
        while min(counts) < 100:
            loop.call_soon(loop.stop)
            try:
                loop.run_forever()
            except KeyboardInterrupt:
                interrupts += 1
        print(interrupts, counts)
        loop.close()
        """,
        f"50 {[100] * 10}",
    )
