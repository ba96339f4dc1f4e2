"""`DaskCrew`: the workers of a Dask cluster.

A share is one task of the cluster, so Dask itself gives the share of a lost worker to another one.
The worker needs aioxide with its client, of the same version; its own loop may be any.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any, Self

import aioxide

from .fetcher import Fetcher
from .foreman import CrewError, WorkerLost
from .share import work_share

if TYPE_CHECKING:
    from types import TracebackType

    from .foreman import Got
    from .page import Outcome
    from .share import Report, Share
    from .target import Target

__all__ = ["DaskCrew", "do_share"]

#: Seconds to reach the scheduler, and to find a first worker.
PATIENCE = 10.0


class DaskCrew:
    """`async with DaskCrew(address)`: as many shares at a time as the cluster has workers.

    Raises CrewError where there is no scheduler or no worker, or distributed is not installed.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._client: Any = None
        self.size = 1

    async def __aenter__(self) -> Self:
        try:
            # Without types.
            distributed: Any = importlib.import_module("distributed")
        except ImportError:
            raise CrewError("--dask needs Dask: pip install distributed") from None
        try:
            self._client = await distributed.Client(
                self._address, asynchronous=True, timeout=PATIENCE, set_as_default=False
            )
        except (OSError, TimeoutError, ValueError) as error:
            why = " ".join(str(error).split()) or type(error).__name__
            raise CrewError(f"cannot reach a Dask scheduler at {self._address}: {why}") from None
        try:
            await self._client.wait_for_workers(1, timeout=PATIENCE)
            self.size = max(1, len(await self._client.nthreads()))
        except TimeoutError:
            await self._client.close()
            raise CrewError(
                f"the Dask cluster at {self._address} has no worker; "
                f"start one: dask worker {self._address}"
            ) from None
        except BaseException:
            await self._client.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()

    async def run(self, share: Share, got: Got) -> Report:
        """As `Crew.run()`. Raises CrewError where the workers cannot do it."""
        killed: Any = importlib.import_module("distributed.scheduler").KilledWorker
        future = self._client.submit(do_share, share, pure=False)
        try:
            outcomes, report = await future
        except killed as error:
            raise WorkerLost(" ".join(str(error).split())) from None
        except ImportError as error:
            raise CrewError(
                f"the Dask workers lack a package: {error}. "
                "They need aioxide, of this version, with yarl and multidict"
            ) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                await future.cancel()
                raise
            # Dask's own: the scheduler has given the task up.
            raise WorkerLost("the cluster has cancelled its task") from None
        finally:
            future.release()
        for url, outcome in outcomes:
            await got(url, outcome)
        result: Report = report
        return result


def do_share(share: Share) -> tuple[list[tuple[str, Outcome]], Report]:
    """Runs in a worker of the cluster, on a loop of its own."""
    return aioxide.run(_do_share(share))


async def _do_share(share: Share) -> tuple[list[tuple[str, Outcome]], Report]:
    outcomes: list[tuple[str, Outcome]] = []

    async def deliver(target: Target, outcome: Outcome) -> None:
        outcomes.append((target.url, outcome))

    async with Fetcher(share.settings) as fetcher:
        report = await work_share(share, fetcher, deliver)
    return outcomes, report
