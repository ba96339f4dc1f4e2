"""Sentry: wraps ClientSession.__init__ for spans, breadcrumbs and trace headers."""

import asyncio
import sys

import aiohttp
import sentry_sdk
import witness  # noqa: F401
from sentry_sdk.integrations.aiohttp import AioHttpIntegration
from sentry_sdk.transport import Transport

SENT = []


class Kept(Transport):
    def capture_envelope(self, envelope):
        SENT.extend(item.payload.json for item in envelope.items)


async def visit(session, base):
    async with session.get(f"{base}/told", params={"page": 1}) as response:
        told = await response.json()
        with_trace = told["trace"] == sentry_sdk.get_current_scope().transaction.trace_id
        print("told", with_trace, told["baggage"])
    async with session.put(f"{base}/told", data=b"x" * 1000) as response:
        print("put", response.status)
    async with session.get(f"{base}/failing") as response:
        print("failing", response.status)
    try:
        await session.get("http://127.0.0.1:1/")
    except aiohttp.ClientConnectorError:
        sentry_sdk.capture_exception()


async def main(base):
    sentry_sdk.init(
        dsn="http://key@127.0.0.1:1/1",
        transport=Kept,
        traces_sample_rate=1.0,
        default_integrations=False,
        integrations=[AioHttpIntegration()],
    )
    with sentry_sdk.start_transaction(op="task", name="visit"):
        async with aiohttp.ClientSession(base) as session:
            await visit(session, base)
    sentry_sdk.flush()
    for item in SENT:
        if item.get("type") == "transaction":
            for span in item["spans"]:
                data = span["data"]
                print(
                    span["op"], span["description"].replace(base, ""), span.get("status"),
                    data.get("http.response.status_code"), data.get("http.query"),
                )  # fmt: skip
        elif "exception" in item:
            print("exception", [value["type"] for value in item["exception"]["values"]])
        crumbs = (item.get("breadcrumbs") or {}).get("values", [])
        for crumb in crumbs:
            data = crumb["data"]
            status = data.get("http.response.status_code", data.get("status_code"))
            print("crumb", data["http.method"], data["url"].replace(base, ""), status)


asyncio.run(main(sys.argv[1]))
