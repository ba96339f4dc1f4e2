"""A notebook's kernel on the loop: a cell is run by it, as a front end runs it."""

import asyncio
import json
import sys

import pytest

jupyter_client = pytest.importorskip("jupyter_client")
pytest.importorskip("ipykernel")
LIMIT = 60
CELL = """
import asyncio
await asyncio.sleep(0)
loop = type(asyncio.get_running_loop())
print(loop.__module__.partition(".")[0], loop.__name__)
"""


async def printed(client, code):
    """Run a cell, and return what it printed."""
    shown = []

    def on_output(message):
        if message["msg_type"] == "stream":
            shown.append(message["content"]["text"])

    reply = await client.execute_interactive(code, timeout=LIMIT, output_hook=on_output)
    assert reply["content"]["status"] == "ok", reply["content"]
    return "".join(shown)


def test_kernel(tmp_path, monkeypatch):
    """The kernel's specification starts ipykernel under the command."""
    folder = tmp_path / "kernels" / "aioxide"
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "aioxide", "run", "-m", "ipykernel_launcher"]
    specification = {
        "argv": [*command, "-f", "{connection_file}"],
        "display_name": "Python (aioxide)",
        "language": "python",
    }
    (folder / "kernel.json").write_text(json.dumps(specification), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))

    async def main():
        manager = jupyter_client.AsyncKernelManager(kernel_name="aioxide")
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=LIMIT)
            assert await printed(client, CELL) == "aioxide EventLoop\n"
            assert await printed(client, "print(await asyncio.sleep(0, 42))") == "42\n"
        finally:
            client.stop_channels()
            await manager.shutdown_kernel()
            manager.context.term()

    asyncio.run(main())
