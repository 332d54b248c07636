"""Images in the body of a request, received in memory and within limits."""

import asyncio
import io
from collections.abc import AsyncIterator

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from mmsxm.io.safe_parsing import printable
from mmsxm.serving.service import Limits, Upload

__all__ = ['LONGEST_NAME', 'read_uploads']

LONGEST_NAME = 1000  # characters


async def read_uploads(request: Request, name: str, limits: Limits) -> list[Upload]:
    """Receive the images of a request: each part of a multipart body, or the whole of another.

    Args:
        request: The request.
        name: Name of the image if it is the whole body.
        limits: Largest number of images and bytes.

    Raises:
        HTTPException: 413 if a limit is exceeded, 408 if the body takes too long, 400 if it is
            damaged or contains no image.
    """
    try:
        return await asyncio.wait_for(_read(request, name, limits), limits.body_seconds)
    except asyncio.TimeoutError:
        raise HTTPException(
            408,
            f'The body did not arrive within {limits.body_seconds:g} seconds. Send it again.',
            {'Connection': 'close'},
        ) from None
    except ClientDisconnect:
        raise HTTPException(400, 'The connection was closed before the end of the body.') from None


async def _read(request: Request, name: str, limits: Limits) -> list[Upload]:
    length = request.headers.get('content-length', '')
    if length.isdecimal() and int(length) > limits.body:  # do not receive it at all
        raise _too_long(limits)
    kind, _ = parse_options_header(request.headers.get('content-type'))
    if kind != b'multipart/form-data':
        return [Upload(name, await _read_body(request, limits))]
    return await _read_parts(request, limits)


async def _read_body(request: Request, limits: Limits) -> bytes:
    body = io.BytesIO()  # a list of chunks would need twice the memory, and leave it in pieces
    async for chunk in _chunks(request, limits):
        body.write(chunk)
    return body.getvalue()  # without a copy


async def _chunks(request: Request, limits: Limits) -> AsyncIterator[bytes]:
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limits.body:
            raise _too_long(limits)
        yield chunk


class _WholeBodyParser(MultiPartParser):
    """Parser that refuses a body without its closing boundary: images of it are missing."""

    _has_ended = False

    def on_end(self) -> None:
        self._has_ended = True

    async def parse(self) -> FormData:
        form = await super().parse()
        if not self._has_ended:
            await form.close()
            raise MultiPartException('its closing boundary is missing')
        return form


async def _read_parts(request: Request, limits: Limits) -> list[Upload]:
    parser = _WholeBodyParser(
        request.headers,
        _chunks(request, limits),  # type: ignore[arg-type]
        max_files=limits.images,
        max_fields=0,
    )
    parser.spool_max_size = limits.body + 1  # larger than any part: no temporary files
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError, LookupError) as error:
        if str(error).startswith('Too many files'):
            raise HTTPException(
                413, f'The request has more than {limits.images} images. Send several requests.'
            ) from None
        raise HTTPException(
            400,
            f'The multipart body is invalid: {error}. Send each image as a part with a file name.',
        ) from None
    files = [file for _, file in form.multi_items() if isinstance(file, UploadFile)]
    if not files:
        raise HTTPException(400, 'The body contains no image. Send each image as a part.')
    return [Upload(_printable_name(file), await file.read()) for file in files]


def _printable_name(file: UploadFile) -> str:
    name = printable(file.filename or '')
    if not 0 < len(name) <= LONGEST_NAME:
        raise HTTPException(
            400, f'Give each part a file name of at most {LONGEST_NAME} characters.'
        )
    return name


def _too_long(limits: Limits) -> HTTPException:
    return HTTPException(
        413, f'The body exceeds {limits.body} bytes. Send fewer or smaller images.'
    )
