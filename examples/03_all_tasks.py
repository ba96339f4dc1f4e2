"""A task can ask who it is, and the loop knows everyone who has not ended.

Look at: `main` is a task itself; a finished task is no longer among `all_tasks()`; a task that
is still waiting when `main` ends is cancelled by `asyncio.run`.
"""

import asyncio


def names() -> str:
    return ", ".join(sorted(task.get_name() for task in asyncio.all_tasks()))


async def worker(go: asyncio.Event) -> None:
    task = asyncio.current_task()
    assert task is not None
    print(f"  I am {task.get_name()}")
    try:
        await go.wait()
    except asyncio.CancelledError:
        print(f"  {task.get_name()} was cancelled")
        raise
    print(f"  {task.get_name()} ends")


async def main() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.set_name("main")
    print(f"at first: {names()}")

    go, never = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(worker(go), name="first")
    second = asyncio.create_task(worker(go), name="second")
    stuck = asyncio.create_task(worker(never), name="stuck")
    print(f"created: {names()}")
    await asyncio.sleep(0)
    go.set()
    await first
    await second
    print(f"two have ended: {names()}")
    print(f"main ends, stuck is done: {stuck.done()}")


asyncio.run(main())
