"""A small object store that speaks S3's protocol: buckets, objects, listings, parts, errors."""

import hashlib
import itertools
from xml.sax.saxutils import escape

from aiohttp import web

from .web import counting, site

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
DATE = "2026-01-02T03:04:05.000Z"
OBJECTS = {}
PARTS = {}
NUMBERS = itertools.count(1)
BUSY = [True]


def xml(text, status=200):
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'
    return web.Response(body=body.encode(), status=status, content_type="application/xml")


def error(status, code):
    return xml(f"<Error><Code>{code}</Code><Message>{code} here</Message></Error>", status)


def tag(data):
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


async def body_of(request):
    data = await request.read()
    if "aws-chunked" not in request.headers.get("Content-Encoding", ""):
        return data
    # Chunks with their sizes, inside of the body, and checksums behind them.
    whole = b""
    while data:
        line, _, data = data.partition(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        if not size:
            break
        whole, data = whole + data[:size], data[size + 2 :]
    return whole


async def put(request):
    key = request.match_info["key"]
    data = await body_of(request)
    if "partNumber" in request.query:
        upload = PARTS[request.query["uploadId"]]
        upload[int(request.query["partNumber"])] = data
    elif request.headers.get("If-None-Match") == "*" and key in OBJECTS:
        return error(412, "PreconditionFailed")
    else:
        OBJECTS[key] = (data, request.headers.get("x-amz-meta-owner"))
    return web.Response(headers={"ETag": tag(data)})


async def get(request):
    key = request.match_info["key"]
    if key == "busy" and BUSY:
        BUSY.clear()
        return error(503, "SlowDown")
    if key not in OBJECTS:
        return web.Response(status=404) if request.method == "HEAD" else error(404, "NoSuchKey")
    data, owner = OBJECTS[key]
    headers = {"ETag": tag(data), "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT"}
    if owner:
        headers["x-amz-meta-owner"] = owner
    wanted = request.http_range
    if wanted.start is not None:
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{len(data)}"
        data = data[wanted]
    return web.Response(body=data, headers=headers, status=206 if wanted.start is not None else 200)


async def remove(request):
    OBJECTS.pop(request.match_info["key"], None)
    return web.Response(status=204)


async def post(request):
    key = request.match_info["key"]
    if "uploads" in request.query:
        upload = f"upload-{next(NUMBERS)}"
        PARTS[upload] = {}
        return xml(
            f"<InitiateMultipartUploadResult {NAMESPACE}><UploadId>{upload}</UploadId>"
            "</InitiateMultipartUploadResult>"
        )
    parts = PARTS.pop(request.query["uploadId"])
    OBJECTS[key] = (b"".join(parts[number] for number in sorted(parts)), None)
    return xml(
        f"<CompleteMultipartUploadResult {NAMESPACE}><Key>{escape(key)}</Key>"
        "</CompleteMultipartUploadResult>"
    )


async def listing(request):
    keys = sorted(key for key in OBJECTS if key.startswith(request.query.get("prefix", "")))
    first = int(request.query.get("continuation-token", 0))
    size = int(request.query.get("max-keys", 1000))
    more = first + size < len(keys)
    entries = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{len(OBJECTS[key][0])}</Size>"
        f"<LastModified>{DATE}</LastModified></Contents>"
        for key in keys[first : first + size]
    )
    token = f"<NextContinuationToken>{first + size}</NextContinuationToken>" if more else ""
    return xml(
        f"<ListBucketResult {NAMESPACE}><IsTruncated>{str(more).lower()}</IsTruncated>"
        f"{entries}{token}</ListBucketResult>"
    )


async def start(stack):
    application = counting()
    application._client_max_size = 1 << 26
    application.router.add_get("/bucket", listing)
    application.router.add_put("/bucket/{key:.+}", put)
    application.router.add_get("/bucket/{key:.+}", get)
    application.router.add_delete("/bucket/{key:.+}", remove)
    application.router.add_post("/bucket/{key:.+}", post)
    return [await stack.enter_async_context(site(application))]
