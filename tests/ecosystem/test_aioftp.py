"""aioftp: its server and its client."""

import asyncio
import contextlib
import inspect
import pathlib

import pytest

aioftp = pytest.importorskip("aioftp")

# A server that closes cancels its handlers, and the streams of some releases (3.11.7 is one) report
# each of them as an exception in a callback.
if "task.cancelled()" not in inspect.getsource(asyncio.StreamReaderProtocol.connection_made):
    pytestmark = pytest.mark.usefixtures("asyncio_log")


@contextlib.asynccontextmanager
async def serving(folder, **options):
    user = aioftp.User("tester", "of the tester", base_path=folder, home_path="/")
    server = aioftp.Server([user], path_io_factory=aioftp.AsyncPathIO, **options)
    await server.start("127.0.0.1", 0)
    try:
        yield server.address
    finally:
        await server.close()


def client(address, password="of the tester"):
    return aioftp.Client.context(*address, user="tester", password=password)


def test_tree_up_and_down(run, tmp_path):
    server, here, back = (tmp_path / name for name in ("server", "here", "back"))
    for folder in (server, here / "sub", back):
        folder.mkdir(parents=True)
    content = bytes(range(256)) * 8_000
    (here / "large").write_bytes(content)
    (here / "sub" / "small").write_bytes(b"small")
    (here / "sub" / "empty").write_bytes(b"")

    async def main():
        async with serving(server) as address, client(address) as ftp:
            await ftp.upload(here, "tree", write_into=True)
            assert (server / "tree" / "large").read_bytes() == content
            found = ftp.list("tree", recursive=True)
            listed = {str(path): info["type"] async for path, info in found}
            assert listed == {
                "tree/large": "file",
                "tree/sub": "dir",
                "tree/sub/small": "file",
                "tree/sub/empty": "file",
            }
            await ftp.download("tree", back, write_into=True)
            await ftp.remove("tree")
            assert not await ftp.exists("tree")

    run(main())
    assert (back / "large").read_bytes() == content
    assert (back / "sub" / "small").read_bytes() == b"small"
    assert (back / "sub" / "empty").read_bytes() == b""


def test_streams_and_restart(run, tmp_path):
    async def main():
        async with serving(tmp_path) as address, client(address) as ftp:
            async with ftp.upload_stream("file") as stream:
                for number in range(1_000):
                    await stream.write(b"%03d" % number)
            async with ftp.append_stream("file") as stream:
                await stream.write(b"end")
            async with ftp.download_stream("file", offset=2_994) as stream:
                assert await stream.read() == b"998999end"
            async with ftp.download_stream("file") as stream:
                blocks = [block async for block in stream.iter_by_block(100)]
            assert len(b"".join(blocks)) == 3_003

    run(main())


def test_twenty_clients(run, tmp_path):
    async def one(address, number):
        async with client(address) as ftp:
            name = pathlib.PurePosixPath(f"folder {number}")
            await ftp.make_directory(name)
            async with ftp.upload_stream(name / "file") as stream:
                await stream.write(b"x" * 10_000 * number)
            return (await ftp.stat(name / "file"))["size"]

    async def main():
        async with serving(tmp_path) as address:
            sizes = await asyncio.gather(*(one(address, number) for number in range(20)))
        assert sizes == [str(10_000 * number) for number in range(20)]

    run(main())


def test_wrong_password(run, tmp_path):
    async def main():
        async with serving(tmp_path) as address:
            with pytest.raises(aioftp.StatusCodeError) as caught:
                async with client(address, "another"):
                    pass
            assert caught.value.received_codes == ("530",)

    run(main())


def test_too_many_connections(run, tmp_path):
    async def main():
        async with serving(tmp_path, maximum_connections=1) as address:
            async with client(address):
                with pytest.raises(aioftp.StatusCodeError):
                    async with client(address):
                        pass

    run(main())


def test_idle_client_is_thrown_out(run, tmp_path):
    async def main():
        async with serving(tmp_path, idle_timeout=0.05) as address:
            ftp = aioftp.Client()
            await ftp.connect(*address)
            await ftp.login("tester", "of the tester")
            with pytest.raises((ConnectionError, aioftp.StatusCodeError)):
                while True:
                    await asyncio.sleep(0.2)
                    await ftp.get_current_directory()
            ftp.close()

    run(main())
