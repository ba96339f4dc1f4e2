"""netdev, which drives network devices by their command line, against a fake one over SSH."""

import asyncio
import contextlib

import pytest

asyncssh = pytest.importorskip("asyncssh")
netdev = pytest.importorskip("netdev")

KEY = asyncssh.generate_private_key("ssh-ed25519")
PASSWORD = "of the tester"
SECRET = "of the device"


class Server(asyncssh.SSHServer):
    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == ("tester", PASSWORD)


class Device:
    """A switch that speaks as Cisco's IOS does: three modes, and a prompt for each."""

    def __init__(self):
        self.enabled = False
        self.configuring = False
        self.interfaces = ["Vlan1"]

    def prompt(self):
        if self.configuring:
            return "switch(config)#"
        return "switch#" if self.enabled else "switch>"

    async def talk(self, process):
        with contextlib.suppress(BrokenPipeError):  # the other end has hung up
            process.stdout.write(self.prompt())
            while line := await process.stdin.readline():
                process.stdout.write(line.rstrip("\n") + "\r\n")  # a terminal shows what is typed
                answer = await self.answer(line.strip(), process)
                process.stdout.write("".join(f"{part}\r\n" for part in answer) + self.prompt())
            process.exit(0)

    async def answer(self, line, process):
        if line == "enable":
            process.stdout.write("Password: ")
            self.enabled = (await process.stdin.readline()).strip() == SECRET
            return [""]
        if line == "conf t" and self.enabled:
            self.configuring = True
        elif line == "end":
            self.configuring = False
        elif line.startswith("interface ") and self.configuring:
            self.interfaces.append(line.split()[1])
        elif line == "show interfaces":
            return [f"{name} is up" for name in self.interfaces]
        elif line == "show log":
            return [f"entry {number}: " + "x" * 60 for number in range(2_000)]
        elif line and not line.startswith("terminal "):
            return ["% Invalid input detected"]
        return []


@contextlib.asynccontextmanager
async def devices(count):
    """The ports of so many devices."""
    servers = [
        await asyncssh.create_server(
            Server, "127.0.0.1", 0, server_host_keys=[KEY], process_factory=Device().talk,
            line_editor=False,
        )
        for _ in range(count)
    ]  # fmt: skip
    try:
        yield [server.get_port() for server in servers]
    finally:
        for server in servers:
            server.close()
            await server.wait_closed()


def login(port, **options):
    options = {"username": "tester", "password": PASSWORD, "secret": SECRET, **options}
    device = netdev.create(
        device_type="cisco_ios", host="127.0.0.1", port=port, known_hosts=None,
        client_keys=None, agent_path=None, **options,
    )  # fmt: skip
    # It is of 2019, and hands asyncssh a loop that today's takes by itself.
    del device._connect_params_dict["loop"]
    return device


def test_commands(run):
    async def main():
        async with devices(1) as (port,), login(port) as device:
            assert device.base_prompt == "switch"
            assert await device.send_command("show interfaces") == "Vlan1 is up"
            await device.send_config_set(["interface Vlan7", "interface Vlan9"])
            shown = await device.send_command("show interfaces")
            assert shown.split("\n") == ["Vlan1 is up", "Vlan7 is up", "Vlan9 is up"]
            assert "Invalid input" in await device.send_command("reload")
            log = await device.send_command("show log")
            assert len(log.split("\n")) == 2_000

    run(main())


def test_ten_devices_at_once(run):
    async def configure(port, number):
        async with login(port) as device:
            await device.send_config_set([f"interface Vlan{number}"])
            return await device.send_command("show interfaces")

    async def main():
        async with devices(10) as ports:
            shown = await asyncio.gather(*map(configure, ports, range(100, 110)))
        assert shown == [f"Vlan1 is up\nVlan{number} is up" for number in range(100, 110)]

    run(main())


def test_wrong_password(run):
    async def main():
        async with devices(1) as (port,):
            with pytest.raises(netdev.DisconnectError):
                await login(port, password="another").connect()

    run(main())


def test_device_that_does_not_answer(run):
    async def main():
        accepted = []

        async def silent(reader, writer):
            accepted.append(writer)

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(netdev.TimeoutError):
            await login(port, timeout=0.05).connect()
        for writer in accepted:
            writer.close()
        server.close()
        await server.wait_closed()

    run(main())
