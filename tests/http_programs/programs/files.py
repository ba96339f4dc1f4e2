"""fsspec's file system over HTTP: from a thread of its own, and from the program's loop."""

import asyncio
import hashlib
import sys
from pathlib import Path

import fsspec
import witness  # noqa: F401


def digest(data):
    return hashlib.sha256(data).hexdigest()[:12]


def blocking(base):
    """fsspec runs a loop of its own in a thread for those who have none."""
    fs = fsspec.filesystem("http", skip_instance_cache=True)
    print("ls", [name.removeprefix(base) for name in fs.ls(f"{base}/data/", detail=False)])
    numbers = f"{base}/data/numbers.txt"
    info = fs.info(numbers)
    print("info", info["size"], info["type"], info["ETag"])
    print("exists", fs.exists(numbers), fs.exists(f"{base}/data/none"))
    print("cat", digest(fs.cat_file(numbers)), fs.cat_file(numbers, start=6, end=11))
    print("ranges", fs.cat_ranges([numbers] * 3, [0, 60, 600], [5, 65, 605]))
    print("glob", [name.removeprefix(base) for name in fs.glob(f"{base}/data/*.csv")])
    with fs.open(numbers, block_size=5_000) as file:
        file.seek(60_000)
        first = file.readline()
        file.seek(-6, 2)
        print("seek", first, file.read(), file.tell())
    with fs.open(numbers, block_size=0) as file:
        print("stream", file.read(6), len(file.read()))
    fs.get_file(numbers, "copy.txt")
    print("copied", digest(Path("copy.txt").read_bytes()))
    fs.put_file("copy.txt", f"{base}/data/copy.txt", method="put")
    print("put", digest(fs.cat_file(f"{base}/data/copy.txt")))
    fs.pipe_file(f"{base}/data/pipe.txt", b"piped")
    print("piped", fs.cat_file(f"{base}/data/pipe.txt"))
    with fsspec.open(f"{base}/data/small.csv", "rt") as file:
        print("lines", [line.strip() for line in file])
    try:
        fs.cat_file(f"{base}/data/none")
    except FileNotFoundError as error:
        print(type(error).__name__)


async def awaiting(base):
    fs = fsspec.filesystem("http", asynchronous=True, skip_instance_cache=True)
    session = await fs.set_session()
    names = [f"{base}/data/{name}" for name in ("numbers.txt", "small.csv", "none")]
    found = await fs._cat(names, on_error="return")
    for name in names:
        data = found[name]
        shown = digest(data) if isinstance(data, bytes) else type(data).__name__
        print(name.removeprefix(base), shown)
    file = await fs.open_async(names[0])
    print("opened", await file.read(12))
    await file.close()
    await session.close()


base = sys.argv[1]
blocking(base)
asyncio.run(awaiting(base))
