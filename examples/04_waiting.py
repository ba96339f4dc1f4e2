"""`asyncio.wait` returns what is done and what is pending, at a moment of your choice.

Look at: the same three tasks (good ends first, bad then fails, slow ends last) are divided in
three ways. A failure does not come out of `wait`; it stays in its task.

Until Python 3.10 `wait` also took bare coroutines and wrapped them itself. Python 3.11 removed
that: the caller then held coroutines and got back tasks that it had never seen, so it could not
tell whose result was whose. So they are wrapped in tasks here.
"""

import asyncio
from collections.abc import Iterable


async def work(name: str, steps: int) -> str:
    for _ in range(steps):
        await asyncio.sleep(0.01)
    if name == "bad":
        raise RuntimeError("bad failed")
    return name


def names(tasks: Iterable[asyncio.Task[str]]) -> str:
    return ", ".join(sorted(task.get_name() for task in tasks)) or "nothing"


async def show(return_when: str) -> None:
    tasks = [
        asyncio.create_task(work(name, steps), name=name)
        for name, steps in [("slow", 5), ("bad", 3), ("good", 1)]
    ]
    done, pending = await asyncio.wait(tasks, return_when=return_when)
    print(f"{return_when}: done: {names(done)}; pending: {names(pending)}")
    for task in sorted(done, key=asyncio.Task.get_name):
        error = task.exception()
        print(f"  {task.get_name()}: " + (f"{error!r}" if error else f"{task.result()!r}"))
    # What is pending goes on after `wait`, so somebody has to look after it.
    await asyncio.gather(*pending, return_exceptions=True)


async def main() -> None:
    await show(asyncio.ALL_COMPLETED)
    await show(asyncio.FIRST_EXCEPTION)
    await show(asyncio.FIRST_COMPLETED)

    coroutine = work("good", 1)
    try:
        await asyncio.wait([coroutine])
    except TypeError as error:
        print(f"a bare coroutine: {type(error).__name__}")
    finally:
        coroutine.close()


asyncio.run(main())
