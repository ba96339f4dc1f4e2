"""aiohttp-retry: a client around a session that tries again."""

import asyncio
import sys

import witness  # noqa: F401
from aiohttp import ClientConnectionError, ClientResponseError, ClientSession, TraceConfig
from aiohttp_retry import ExponentialRetry, ListRetry, RequestParams, RetryClient

QUICK = {"start_timeout": 0.001, "max_timeout": 0.002}


async def of_its_own(base):
    options = ExponentialRetry(attempts=4, statuses={503}, **QUICK)
    async with RetryClient(base_url=base, retry_options=options, raise_for_status=False) as client:
        async with client.get("/flaky/a", params={"failures": 2}) as response:
            print("get", response.status, await response.json())
        async with client.post("/flaky/b", params={"failures": 3}, data=b"again") as response:
            print("post", response.status, await response.json())
        async with client.get("/flaky/c", params={"failures": 9}) as response:
            print("given up", response.status, await response.text())


async def around_a_session(base):
    attempts = []
    trace = TraceConfig()

    @trace.on_request_start.append
    async def on_start(session, context, params):
        if context.trace_request_ctx:
            attempts.append(context.trace_request_ctx["current_attempt"])

    async def not_yet(response):
        return response.status == 200 and "d" in (await response.json())["path"]

    async with ClientSession(trace_configs=[trace]) as session:
        options = ListRetry([0.001] * 3, evaluate_response_callback=not_yet)
        client = RetryClient(client_session=session, retry_options=options)
        async with client.put(f"{base}/flaky/d", params={"failures": 1}, json=[1]) as response:
            print("put", response.status, await response.json(), attempts)

        options = ListRetry([0.001] * 2, exceptions={ClientConnectionError})
        session._retry_connection = False
        async with client.get(f"{base}/rude", retry_options=options) as response:
            print("rude", response.status, await response.text())

        elsewhere = [
            RequestParams(method="GET", url=f"{base}/flaky/e?failures=9"),
            RequestParams(method="GET", url=f"{base}/flaky/f?failures=0", headers={"X-A": "1"}),
        ]
        async with client.requests(params_list=elsewhere) as response:
            print("elsewhere", response.status, await response.json())
        try:
            async with client.get(f"{base}/flaky/g?failures=9", raise_for_status=True):
                print("not reached")
        except ClientResponseError as error:
            print("raised", error.status, error.message)
        async with session.get(f"{base}/hits") as response:
            for path, count in sorted((await response.json()).items()):
                print(count, path)


async def main(base):
    await of_its_own(base)
    await around_a_session(base)


asyncio.run(main(sys.argv[1]))
