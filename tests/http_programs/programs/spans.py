"""OpenTelemetry: wraps ClientSession.__init__ and puts a trace config into each session."""

import asyncio
import sys

import aiohttp
import witness  # noqa: F401
from opentelemetry.instrumentation.aiohttp_client import (
    AioHttpClientInstrumentor,
    create_trace_config,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

EXPORTER = InMemorySpanExporter()
PROVIDER = TracerProvider()
PROVIDER.add_span_processor(SimpleSpanProcessor(EXPORTER))


def show(title, base):
    print(title)
    for span in EXPORTER.get_finished_spans():
        found = {
            name.rpartition(".")[2]: str(value).replace(base, "")
            for name, value in sorted(span.attributes.items())
            if name.rpartition(".")[2] in ("method", "status_code", "url", "full", "type")
        }
        print(" ", span.name, span.kind.name, span.status.status_code.name, found)
        for event in span.events:
            print("   ", event.name, event.attributes["exception.type"])
        parent = span.parent and PARENTS.get(span.parent.span_id, "unknown")
        print("    parent", parent)
    EXPORTER.clear()


PARENTS = {}


async def visit(session, base):
    async with session.get(f"{base}/context", params={"a": "1"}) as response:
        print("told", await response.json())
    async with session.post(f"{base}/context", json=[1]) as response:
        print("told", await response.json())
    async with session.get(f"{base}/moved") as response:
        print("moved", response.status, len(response.history))
    async with session.get(f"{base}/failing") as response:
        print("failing", response.status)
    for url in (f"{base}/silent", "http://127.0.0.1:1/"):
        try:
            await session.get(url)
        except aiohttp.ClientError as error:
            print(type(error).__name__)


async def main(base):
    AioHttpClientInstrumentor().instrument(
        tracer_provider=PROVIDER,
        request_hook=lambda span, params: span.set_attribute("hook.method", params.method),
    )
    async with aiohttp.ClientSession() as session:
        with PROVIDER.get_tracer("program").start_as_current_span("visit") as span:
            PARENTS[span.get_span_context().span_id] = "visit"
            await visit(session, base)
    show("instrumented", base)

    # Outside of a session as well.
    async with aiohttp.request("HEAD", f"{base}/context") as response:
        print(response.status)
    show("function", base)

    AioHttpClientInstrumentor().uninstrument()
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{base}/context") as response:
            print("told", await response.json())
    show("not instrumented", base)

    trace = create_trace_config(
        tracer_provider=PROVIDER,
        url_filter=lambda url: str(url.with_query(None)),
        response_hook=lambda span, params: span.update_name(f"answered {params.method}"),
    )
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        async with session.get(f"{base}/context?secret=1") as response:
            print("told", await response.json())
    show("by hand", base)


asyncio.run(main(sys.argv[1]))
