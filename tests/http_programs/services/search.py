"""Two nodes of a search engine; the first is out of order."""

import json

from aiohttp import web

from .web import HITS, counting, site

DOCUMENTS = {}


@web.middleware
async def product(request, handler):
    try:
        response = await handler(request)
    except web.HTTPException as error:
        response = error
    response.headers["X-Elastic-Product"] = "Elasticsearch"
    return response


def answer(found, status=200):
    body = json.dumps(found).encode()
    kind = "application/vnd.elasticsearch+json;compatible-with=9"
    return web.Response(body=body, status=status, headers={"Content-Type": kind})


async def info(request):
    return answer({"name": "node", "version": {"number": "9.0.0"}, "tagline": "You Know"})


async def index(request):
    key = request.match_info["key"]
    DOCUMENTS[key] = json.loads(await request.text())
    return answer({"_id": key, "result": "created"}, 201)


async def document(request):
    key = request.match_info["key"]
    if key not in DOCUMENTS:
        return answer({"_id": key, "found": False}, 404)
    return answer({"_id": key, "found": True, "_source": DOCUMENTS[key]})


async def bulk(request):
    lines = [json.loads(line) for line in (await request.read()).splitlines()]
    items = []
    while lines:
        (action, entry), *_ = lines.pop(0).items()
        source = lines.pop(0)
        failed = source.get("value", 0) < 0
        if not failed:
            DOCUMENTS[entry["_id"]] = source
        items.append({action: {"_id": entry["_id"], "status": 400 if failed else 201}})
        if failed:
            items[-1][action]["error"] = {"type": "negative"}
    return answer({"errors": any("error" in i["index"] for i in items), "items": items})


async def search(request):
    wanted = json.loads(await request.text())
    least = wanted["query"]["range"]["value"]["gte"]
    hits = [
        {"_id": key, "_source": source}
        for key, source in sorted(DOCUMENTS.items())
        if source.get("value", 0) >= least
    ]
    return answer({"hits": {"total": {"value": len(hits)}, "hits": hits[: wanted["size"]]}})


async def out_of_order(request):
    return answer({"error": "out of order"}, 503)


async def start(stack):
    node = counting()
    node.middlewares.append(product)
    node.router.add_get("/", info)
    node.router.add_put("/things/_doc/{key}", index)
    node.router.add_get("/things/_doc/{key}", document)
    node.router.add_put("/_bulk", bulk)
    node.router.add_post("/things/_search", search)
    broken = counting()
    broken.router.add_route("*", "/{path:.*}", out_of_order)
    assert HITS in broken
    return [await stack.enter_async_context(site(part)) for part in (broken, node)]
