"""asyncssh: its server and its client, and netdev on top of it, against a fake device."""

import asyncio
import contextlib

import pytest

asyncssh = pytest.importorskip("asyncssh")

PASSWORD = "of the tester"
KEY = asyncssh.generate_private_key("ssh-ed25519")


class Server(asyncssh.SSHServer):
    def __init__(self, connections):
        self.connections = connections

    def connection_made(self, connection):
        self.connections.append(connection)

    def begin_auth(self, username):
        return True

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == ("tester", PASSWORD)

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        return True


async def command(process):
    """Answers `upper` with its input in capitals, `fail` with a status, `wait` never."""
    if process.command == "upper":
        async for line in process.stdin:
            process.stdout.write(line.upper())
        process.exit(0)
    elif process.command == "fail":
        process.stderr.write("it did not work\n")
        process.exit(3)
    elif process.command == "wait":
        await process.wait_closed()


@contextlib.asynccontextmanager
async def serving(**options):
    connections = []
    options = {"process_factory": command, "server_host_keys": [KEY], **options}
    server = await asyncssh.create_server(
        lambda: Server(connections), "127.0.0.1", 0, encoding="utf-8", **options
    )
    try:
        yield server.get_port()
    finally:
        server.close()
        await server.wait_closed()
        for connection in connections:
            await connection.wait_closed()
        await asyncio.sleep(0)


def client(port, password=PASSWORD, **options):
    return asyncssh.connect(
        "127.0.0.1", port, username="tester", password=password,
        known_hosts=([KEY.convert_to_public()], [], []), client_keys=None, agent_path=None,
        config=None, **options,
    )  # fmt: skip


def test_command(run):
    async def main():
        async with serving() as port, client(port) as connection:
            text = "".join(f"line {number}\n" for number in range(20_000))
            done = await connection.run("upper", input=text)
            assert (done.stdout, done.exit_status) == (text.upper(), 0)
            done = await connection.run("fail")
            assert (done.stdout, done.stderr, done.exit_status) == ("", "it did not work\n", 3)

    run(main())


def test_forty_sessions_of_four_connections(run):
    async def session(connection, number):
        async with connection.create_process("upper") as process:
            for turn in range(5):
                process.stdin.write(f"session {number}, turn {turn}\n")
                assert await process.stdout.readline() == f"SESSION {number}, TURN {turn}\n"
            process.stdin.write_eof()
            assert await process.stdout.read() == ""

    async def ten(port):
        async with client(port) as connection:
            await asyncio.gather(*(session(connection, number) for number in range(10)))

    async def main():
        async with serving() as port:
            await asyncio.gather(*(ten(port) for _ in range(4)))

    run(main())


def test_wrong_password(run):
    async def main():
        async with serving() as port:
            with pytest.raises(asyncssh.PermissionDenied):
                await client(port, "another")

    run(main())


def test_other_host_key(run):
    async def main():
        other = asyncssh.generate_private_key("ssh-ed25519")
        async with serving(server_host_keys=[other]) as port:
            with pytest.raises(asyncssh.HostKeyNotVerifiable):
                await client(port)

    run(main())


def test_files(run, tmp_path):
    """SFTP: a file up, listed, and down again; and a folder."""

    async def main():
        async with (
            serving(sftp_factory=True, process_factory=None) as port,
            client(port) as connection,
            connection.start_sftp_client() as sftp,
        ):
            content = bytes(range(256)) * 8_000
            (tmp_path / "here").mkdir()
            (tmp_path / "here" / "a").write_bytes(content)
            (tmp_path / "here" / "b").write_bytes(b"")
            await sftp.put(str(tmp_path / "here"), str(tmp_path / "there"), recurse=True)
            names = await sftp.listdir(str(tmp_path / "there"))
            assert sorted(names) == [".", "..", "a", "b"]
            assert (await sftp.stat(str(tmp_path / "there" / "a"))).size == len(content)
            await sftp.get(str(tmp_path / "there" / "a"), str(tmp_path / "back"))
            assert (tmp_path / "back").read_bytes() == content
            with pytest.raises(asyncssh.SFTPNoSuchFile):
                await sftp.stat(str(tmp_path / "none"))

    run(main())


def test_forwarded_port(run):
    async def answer(reader, writer):
        writer.write(b"answer to " + await reader.readline())
        writer.close()
        await writer.wait_closed()

    async def main():
        target = await asyncio.start_server(answer, "127.0.0.1", 0)
        target_port = target.sockets[0].getsockname()[1]
        async with serving() as port, client(port) as connection:
            listener = await connection.forward_local_port("127.0.0.1", 0, "127.0.0.1", target_port)
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.get_port())
            writer.write(b"this\n")
            assert await reader.read() == b"answer to this\n"
            writer.close()
            await writer.wait_closed()
            listener.close()
            await listener.wait_closed()
        target.close()
        await target.wait_closed()

    run(main())


def test_client_that_goes_away(run):
    """The server's process learns of it."""

    async def main():
        gone = asyncio.get_running_loop().create_future()

        async def wait(process):
            await process.wait_closed()
            gone.set_result(process.command)

        async with serving(process_factory=wait) as port:
            async with client(port) as connection:
                await connection.create_process("wait")
                connection.abort()
            assert await gone == "wait"

    run(main())
