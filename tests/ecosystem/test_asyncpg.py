"""asyncpg, against a PostgreSQL of this machine."""

import asyncio
import contextlib

import pytest

asyncpg = pytest.importorskip("asyncpg")


@contextlib.asynccontextmanager
async def connected(port):
    connection = await asyncpg.connect(
        host="127.0.0.1", port=port, user="tester", database="postgres", ssl=False
    )
    try:
        yield connection
    finally:
        await connection.close()


def test_rows(run, postgres_port):
    async def main():
        async with connected(postgres_port) as connection:
            query = "SELECT n, n * n AS square FROM generate_series(1, $1) n"
            rows = await connection.fetch(query, 5_000)
            assert [row["square"] for row in rows] == [number**2 for number in range(1, 5_001)]
            large = await connection.fetchval("SELECT repeat('x', 5000000)")
            assert large == "x" * 5_000_000

    run(main())


def test_transaction(run, postgres_port):
    async def main():
        async with connected(postgres_port) as connection:
            await connection.execute("CREATE TEMPORARY TABLE t (id int PRIMARY KEY, name text)")
            rows = [(number, f"name {number}") for number in range(500)]
            await connection.executemany("INSERT INTO t VALUES ($1, $2)", rows)
            with pytest.raises(asyncpg.UniqueViolationError):
                async with connection.transaction():
                    await connection.execute("DELETE FROM t WHERE id > 10")
                    await connection.execute("INSERT INTO t VALUES (1, 'twice')")
            assert await connection.fetchval("SELECT count(*) FROM t") == 500
            async with connection.transaction():
                cursor = connection.cursor("SELECT name FROM t ORDER BY id")
                names = [row["name"] async for row in cursor]
            assert names == [f"name {number}" for number in range(500)]

    run(main())


def test_copy(run, postgres_port):
    async def main():
        async with connected(postgres_port) as connection:
            await connection.execute("CREATE TEMPORARY TABLE t (id int, name text)")
            records = [(number, "n" * (number % 50)) for number in range(20_000)]
            assert await connection.copy_records_to_table("t", records=records) == "COPY 20000"
            pieces = []

            async def take(piece):
                pieces.append(piece)

            await connection.copy_from_query("SELECT * FROM t ORDER BY id", output=take)
            lines = b"".join(pieces).decode().splitlines()
            assert lines == [f"{number}\t{name}" for number, name in records]

    run(main())


def test_pool(run, postgres_port):
    async def main():
        async with asyncpg.create_pool(
            host="127.0.0.1", port=postgres_port, user="tester", database="postgres",
            ssl=False, min_size=2, max_size=8,
        ) as pool:  # fmt: skip

            async def one(number):
                async with pool.acquire() as connection:
                    return await connection.fetchval("SELECT $1::int + 1", number)

            answers = await asyncio.gather(*(one(number) for number in range(200)))
            assert answers == list(range(1, 201))

    run(main())


def test_query_is_cancelled(run, postgres_port):
    """asyncpg opens another connection to tell the server; the first one goes on."""

    async def main():
        async with connected(postgres_port) as connection, connected(postgres_port) as other:
            pid = connection.get_server_pid()
            waiting = asyncio.ensure_future(connection.execute("SELECT pg_sleep(600)"))
            running = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active'"
            while not await other.fetchval(running, pid):
                await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await connection.fetchval("SELECT 1") == 1

    run(main())


def test_query_past_its_timeout(run, postgres_port):
    async def main():
        async with connected(postgres_port) as connection:
            with pytest.raises(TimeoutError):
                await connection.execute("SELECT pg_sleep(600)", timeout=0.01)
            assert await connection.fetchval("SELECT 1") == 1

    run(main())


def test_notification(run, postgres_port):
    async def main():
        async with connected(postgres_port) as listener, connected(postgres_port) as speaker:
            told = asyncio.get_running_loop().create_future()
            await listener.add_listener("news", lambda *parts: told.set_result(parts[2:]))
            await speaker.execute("NOTIFY news, 'good'")
            assert await told == ("news", "good")

    run(main())
