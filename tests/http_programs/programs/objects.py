"""aiobotocore: Amazon's client for its object store, on a connector derived from TCPConnector."""

import asyncio
import hashlib
import io
import sys

import witness  # noqa: F401
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError, EndpointConnectionError

HERE = {
    "region_name": "eu-west-1",
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
    "config": AioConfig(
        s3={"addressing_style": "path"},
        retries={"max_attempts": 2, "mode": "standard"},
        connect_timeout=5,
        read_timeout=5,
    ),
}
BUCKET = {"Bucket": "bucket"}


def digest(data):
    return hashlib.sha256(data).hexdigest()[:12]


async def objects(client):
    await client.put_object(**BUCKET, Key="a b/ü.txt", Body=b"text", Metadata={"owner": "ann"})
    large = bytes(range(256)) * 10_000
    await client.put_object(**BUCKET, Key="large", Body=io.BytesIO(large))
    await client.put_object(**BUCKET, Key="busy", Body=b"worth waiting for")

    answer = await client.get_object(**BUCKET, Key="a b/ü.txt")
    async with answer["Body"] as body:
        print(await body.read(), answer["Metadata"], answer["ContentLength"])
    answer = await client.get_object(**BUCKET, Key="large")
    pieces = [piece async for piece in answer["Body"].iter_chunks(100_000)]
    print(sum(map(len, pieces)), digest(b"".join(pieces)) == digest(large))
    answer = await client.get_object(**BUCKET, Key="large", Range="bytes=255-258")
    print(await answer["Body"].read(), answer["ContentRange"])
    answer = await client.get_object(**BUCKET, Key="busy")
    retries = answer["ResponseMetadata"]["RetryAttempts"]
    print(await answer["Body"].read(), "after", retries, "retry")
    answer = await client.get_object(**BUCKET, Key="large")
    lines = 0
    async for _ in answer["Body"].iter_lines():
        lines += 1
    print("lines", lines)


async def parts(client):
    upload = (await client.create_multipart_upload(**BUCKET, Key="parts"))["UploadId"]

    async def part(number):
        answer = await client.upload_part(
            **BUCKET, Key="parts", UploadId=upload, PartNumber=number, Body=b"%d" % number * 70_000
        )
        return {"PartNumber": number, "ETag": answer["ETag"]}

    done = await asyncio.gather(*map(part, range(1, 6)))
    await client.complete_multipart_upload(
        **BUCKET, Key="parts", UploadId=upload, MultipartUpload={"Parts": done}
    )
    head = await client.head_object(**BUCKET, Key="parts")
    print("parts", head["ContentLength"])


async def listing(client):
    pages = client.get_paginator("list_objects_v2").paginate(
        **BUCKET, PaginationConfig={"PageSize": 2}
    )
    async for page in pages:
        print("page", [(entry["Key"], entry["Size"]) for entry in page["Contents"]])


async def errors(client):
    for call, arguments in (
        (client.get_object, {"Key": "none"}),
        (client.head_object, {"Key": "none"}),
        (client.put_object, {"Key": "large", "Body": b"", "IfNoneMatch": "*"}),
    ):
        try:
            await call(**BUCKET, **arguments)
        except ClientError as error:
            found = error.response
            print("error", found["Error"]["Code"], found["ResponseMetadata"]["HTTPStatusCode"])
    await client.delete_object(**BUCKET, Key="large")
    await client.get_waiter("object_not_exists").wait(**BUCKET, Key="large")
    print("deleted")


async def main(base):
    session = get_session()
    async with session.create_client("s3", endpoint_url=base, **HERE) as client:
        await objects(client)
        await parts(client)
        await listing(client)
        await errors(client)
    async with session.create_client("s3", endpoint_url="http://127.0.0.1:1", **HERE) as client:
        try:
            await client.get_object(**BUCKET, Key="a")
        except EndpointConnectionError as error:
            print(type(error).__name__, str(error))


asyncio.run(main(sys.argv[1]))
