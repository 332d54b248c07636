"""Memory of bodies. tests/test_serving/test_app.py tests what is refused."""

import asyncio
import tracemalloc

import pytest

pytest.importorskip('starlette', reason='needs the extra [serve]')
pytest.importorskip('python_multipart', reason='needs the extra [serve]')

from starlette.requests import Request

from mmsxm.serving.service import Limits, Upload
from mmsxm.serving.uploads import read_uploads

CHUNK = 64_000  # bytes, about what uvicorn hands over at a time


def test_a_body_that_arrives_in_chunks_is_in_memory_only_once() -> None:
    total = 200 * CHUNK
    received = 0

    async def receive() -> dict[str, object]:
        nonlocal received
        received += CHUNK
        return {'type': 'http.request', 'body': bytes(CHUNK), 'more_body': received < total}

    async def measure() -> tuple[Upload, int]:
        (upload,) = await read_uploads(request, 'bag.png', Limits())
        return upload, tracemalloc.get_traced_memory()[1]

    request = Request({'type': 'http', 'headers': []}, receive)
    tracemalloc.start()
    try:
        upload, peak = asyncio.run(measure())
    finally:
        tracemalloc.stop()
    assert upload == ('bag.png', bytes(total))
    assert peak < 1.4 * total
