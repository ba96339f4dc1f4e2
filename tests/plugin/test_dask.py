"""Dask: its configuration knows three loops by name, and the loop is installed instead."""

import pytest

pytest.importorskip("distributed")


def test_installed(write, execute):
    """The client's loop, in its thread, and those of the scheduler and the workers of a cluster."""
    write(
        "main.py",
        """
        import asyncio, aioxide

        aioxide.install()
        from distributed import Client, LocalCluster

        async def here(dask_scheduler=None, dask_worker=None):
            loop = type(asyncio.get_running_loop())
            return f"{loop.__module__.partition('.')[0]}.{loop.__name__}"

        if __name__ == "__main__":
            with (
                LocalCluster(
                    n_workers=1, processes=False, protocol="tcp://", dashboard_address=None
                ) as cluster,
                Client(cluster) as client,
            ):
                print(client.submit(pow, 2, 10).result())
                print(client.run_on_scheduler(here))
                print(*client.run(here).values())
        """,
    )
    assert execute("main.py").split() == ["1024", "aioxide.EventLoop", "aioxide.EventLoop"]


def test_scheduler_and_worker_under_the_command(write, serving, execute):
    write(
        "client.py",
        """
        import sys
        from distributed import Client

        async def here(dask_scheduler=None, dask_worker=None):
            import asyncio

            loop = type(asyncio.get_running_loop())
            return f"{loop.__module__.partition('.')[0]}.{loop.__name__}"

        if __name__ == "__main__":
            with Client(sys.argv[1]) as client:
                print(client.submit(pow, 2, 10).result())
                print(client.run_on_scheduler(here))
                print(*client.run(here).values())
        """,
    )
    start = ("-m", "aioxide", "run", "-m")
    local = ("--host", "127.0.0.1", "--no-dashboard")
    scheduler = (*start, "distributed.cli.dask_scheduler", *local, "--port", "0")
    with serving(*scheduler, says=r"Scheduler at:\s*(tcp://\S+)") as address:
        worker = (*start, "distributed.cli.dask_worker", address, *local, "--no-nanny")
        with serving(*worker, "--nthreads", "1", says=r"Registered to:\s*(\S+)"):
            shown = execute("client.py", address)
    assert shown.split() == ["1024", "aioxide.EventLoop", "aioxide.EventLoop"]


def test_configuration_knows_three_names(write, execute):
    write(
        "main.py",
        """
        import dask
        from distributed.config import get_loop_factory

        with dask.config.set({"distributed.admin.event-loop": "aioxide"}):
            try:
                get_loop_factory()
            except ValueError as error:
                print(error)
        """,
    )
    assert "'asyncio', 'tornado', 'uvloop'" in execute("main.py")
