"""Web application of a review page: static files, and JSON and images of the worklist."""

import asyncio
import mimetypes
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, ValidationError

from mmsxm.io.safe_parsing import printable
from mmsxm.review.payloads import case_payload, row_payload
from mmsxm.review.pictures import attention_png, bag_png
from mmsxm.review.worklist import LONGEST_COMMENT, OutdatedError, UploadLimitError, Worklist

__all__ = ['MAX_BYTES', 'build_app']

STATIC = Path(__file__).with_name('static')
MAX_BYTES = 50_000_000  # of an added image
MAX_ADDED_AT_ONCE = 16  # images, which bounds the memory
MAX_JSON = 20_000  # bytes of a decision
LISTED = 200  # rows of the list, unless the page asks for more
TYPES = {
    '.css': 'text/css',
    '.html': 'text/html',
    '.js': 'text/javascript',
    '.svg': 'image/svg+xml',
}
View = Literal['all', 'alarms', 'to do']
Band = Literal['organic', 'mixed', 'metal']


class DecisionBody(BaseModel):
    """Body of a decision."""

    model_config = ConfigDict(extra='forbid', strict=True)

    decision: str
    operator: str
    comment: str = ''
    seen: int  # decisions and comments on the bag that the operator has seen


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body of a request, read no further than a limit in bytes.

    Raises:
        HTTPException: The body is larger; status 413.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise HTTPException(
                413,
                f'The limit is {limit / 1e6:g} MB. Use a smaller file.',
                {'connection': 'close'},
            )
    return bytes(body)


def build_app(worklist: Worklist) -> FastAPI:
    """Build the application of a worklist.

    Decisions and added images need the token of ``GET /api/session``, which other sites cannot
    read. Errors are ``{"detail": reason}``: 403 for a wrong token, 404 for a case that does not
    exist or is hidden, 409 if another operator decided on the case meanwhile, 413 for a body that
    is too large, 422 for invalid values, 503 if too many images are added at once, 507 if the
    decision log cannot be written.
    """
    app = FastAPI(title='X-ray review', openapi_url=None)
    token = secrets.token_urlsafe()
    adding = asyncio.Semaphore(MAX_ADDED_AT_ONCE)

    def check_token(x_review_token: Annotated[str, Header()] = '') -> None:
        if not secrets.compare_digest(x_review_token.encode(), token.encode()):
            raise HTTPException(403, 'The server was restarted. Reload the page.')

    def answer(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
        async def respond(_: Request, error: Exception) -> Response:
            return JSONResponse({'detail': printable(str(error))}, status)

        return respond

    async def respond_invalid(_: Request, error: Exception) -> Response:
        return JSONResponse({'detail': 'The request is invalid.'}, 422)

    app.add_exception_handler(LookupError, answer(404))
    app.add_exception_handler(ValueError, answer(422))
    app.add_exception_handler(OutdatedError, answer(409))
    app.add_exception_handler(UploadLimitError, answer(413))
    app.add_exception_handler(OSError, answer(507))
    app.add_exception_handler(RequestValidationError, respond_invalid)
    app.add_exception_handler(ValidationError, respond_invalid)

    @app.get('/api/session')
    def session() -> dict[str, Any]:
        return {
            'token': token,
            'adds_images': worklist.session.backend is not None,
            'longest_comment': LONGEST_COMMENT,
            'max_bytes': MAX_BYTES,
        }

    @app.get('/api/cases')
    def cases(
        view: View = 'all', limit: Annotated[int, Query(ge=1, le=100_000)] = LISTED
    ) -> dict[str, Any]:
        warning = worklist.refresh()
        order = worklist.order(view)
        return {
            'rows': [row_payload(worklist, index) for index in order[:limit]],
            'total': len(order),
            'counts': worklist.counts()._asdict(),
            'warning': warning,
        }

    @app.get('/api/cases/{index}')
    def case(index: int) -> dict[str, Any]:
        return case_payload(worklist, index)

    @app.get('/api/cases/{index}/image')
    def image(index: int, band: Band | None = None) -> Response:
        try:
            pixels = worklist.load_image(index)
        except (OSError, ValueError) as error:  # the file changed since it was screened
            raise LookupError(str(error)) from error
        return Response(bag_png(pixels, band), media_type='image/png')

    @app.get('/api/cases/{index}/attention')
    def attention(index: int) -> Response:
        found = worklist.load_attention(index)
        if found is None:
            return Response(status_code=204)
        return Response(attention_png(*found), media_type='image/png')

    @app.post('/api/cases/{index}/decision', dependencies=[Depends(check_token)])
    async def decide(index: int, request: Request) -> dict[str, Any]:
        body = DecisionBody.model_validate_json(await read_body(request, MAX_JSON))
        following = await run_in_threadpool(
            worklist.decide, index, body.decision, body.comment, body.operator, body.seen
        )
        return {'next': following}

    @app.post('/api/images', dependencies=[Depends(check_token)])
    async def add(request: Request, name: Annotated[str, Query(max_length=255)]) -> dict[str, Any]:
        if adding.locked():
            raise HTTPException(
                503, 'Too many images are being added. Wait a moment, and add this one again.'
            )
        async with adding:
            data = await read_body(request, MAX_BYTES)
            return {'index': await run_in_threadpool(worklist.add, name, data)}

    for suffix, kind in TYPES.items():  # Windows may have others, which browsers refuse
        mimetypes.add_type(kind, suffix)
    app.mount('/', StaticFiles(directory=STATIC, html=True))
    return app
