"""The client of the soak: `python -m tests.soak.client LOOP CONNECTIONS PLACES`

It keeps so many connections alive, each in a task that leads one life after another.
"""

import asyncio
import json
import sys
from typing import Any

from . import control
from .lives import Lives

# A life that takes longer hangs.
PATIENCE = 400.0


class Client(control.Controlled):
    def __init__(self, connections: int, places: dict[str, Any]) -> None:
        super().__init__()
        self.connections = connections
        self.places = places
        self.living = 0

    async def load(self) -> dict[str, Any]:
        """Begin; `rest` ends it."""
        self.lives = Lives(self.places, self.count)
        self.tasks = [self.loop.create_task(self._slot()) for _ in range(self.connections)]
        self.tasks.append(self.loop.create_task(self._steer()))
        return {}

    async def _steer(self) -> None:
        while not self.lives.over:
            await asyncio.sleep(0.25)
            self.lives.steer(self.connections)

    async def enough(self) -> dict[str, Any]:
        """No new life begins, and those that are led make no more pauses."""
        self.lives.end()
        return {}

    async def rest(self) -> dict[str, Any]:
        await asyncio.gather(*self.tasks)
        del self.tasks, self.lives
        return {}

    async def _slot(self) -> None:
        self.living += 1
        while not self.lives.over:
            life = self.lives.choose()
            try:
                async with asyncio.timeout(PATIENCE):
                    await life()
            except Exception as error:
                self.fault(life.__name__, error)
            self.count("lives")
        self.living -= 1

    async def glance(self) -> dict[str, Any]:
        return {**await super().glance(), "open": self.living}


async def main() -> None:
    control.raise_limit()
    client = Client(int(sys.argv[2]), json.loads(sys.argv[3]))
    control.tell({})
    await client.serve()


if __name__ == "__main__":
    control.run(main, sys.argv[1])
