"""HTTP application of a service. It has no pages: a browser would load their scripts from a CDN."""

import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST

from mmsxm import __version__
from mmsxm.imaging.images import ImageTooLargeError
from mmsxm.serving.access import PUBLIC, TokenMiddleware
from mmsxm.serving.metrics import Metrics, MetricsMiddleware
from mmsxm.serving.request_guard import LOOPBACK, RequestGuard
from mmsxm.serving.schemas import REQUEST_BODY, Health, Model, Problem, Records
from mmsxm.serving.service import BusyError, NetworkError, ScreeningService, StoppingError
from mmsxm.serving.uploads import LONGEST_NAME, read_uploads

__all__ = ['build_app']

Name = Annotated[str, Query(min_length=1, max_length=LONGEST_NAME)]
FAILURE = 'Screening failed. The log of the service contains the reason.'
LOGGER = logging.getLogger(__name__)
RETRY = {'Retry-After': '1'}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {'model': Problem, 'description': 'The body is damaged, or contains no image.'},
    408: {'model': Problem, 'description': 'The body did not arrive in time.'},
    413: {'model': Problem, 'description': 'Body, images or pixels exceed a limit.'},
    500: {'model': Problem, 'description': FAILURE},
    503: {'model': Problem, 'description': 'The queue is full, or the service is stopping.'},
}
UNAUTHORIZED: dict[int | str, dict[str, Any]] = {
    401: {'model': Problem, 'description': 'The token is missing or wrong.'}
}
FORBIDDEN: dict[int | str, dict[str, Any]] = {
    403: {'model': Problem, 'description': 'The request comes from a website.'}
}


def build_app(
    service: ScreeningService, token: str | None = None, hosts: Collection[str] | None = LOOPBACK
) -> FastAPI:
    """Return the application of a service.

    Args:
        service: The service; it runs as long as the application.
        token: Token that every request must carry, except those to ``/health``. None allows all
            that do not come from a website.
        hosts: Host names under which the service answers without a token, None for any.
    """
    info, limits = service.backend.info, service.limits

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = FastAPI(
        title='mmsxm',
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses=None if token else FORBIDDEN,
    )
    protected = APIRouter()
    if token:  # for the schema; the middleware below checks the token, also of unknown paths
        bearer = Depends(HTTPBearer(auto_error=False))
        protected = APIRouter(dependencies=[bearer], responses=UNAUTHORIZED)
    metrics = Metrics(info.classes, lambda: service.queue_length)

    @protected.post(
        '/v1/screen',
        response_model=Records,
        responses=PROBLEMS,
        openapi_extra={'requestBody': REQUEST_BODY},
    )
    async def screen(request: Request, name: Name = 'image') -> Response:
        """Screen images: one as the body, which may have a name, or several as multipart."""
        try:
            with service.admit() as admission:
                uploads = await read_uploads(request, name, limits)
                admission.extend(len(uploads))
                records = await service.screen(uploads)
        except ImageTooLargeError as error:
            raise HTTPException(413, str(error)) from None
        except NetworkError as error:
            LOGGER.exception('A request to /v1/screen failed.')
            raise HTTPException(500, FAILURE) from error
        except BusyError as error:
            raise HTTPException(503, str(error), RETRY) from None
        except StoppingError as error:
            raise HTTPException(503, str(error), {**RETRY, 'Connection': 'close'}) from None
        metrics.count(records)
        return JSONResponse({'records': records})

    @protected.get('/v1/model')
    async def model() -> Model:
        """Describe the network and the limits."""
        return Model(
            name=info.name,
            version=__version__,
            classes=list(info.classes),
            thresholds=info.calibration.thresholds,
            input_size=list(info.preprocessing.size),
            digest=info.digest,
            config_digest=info.config_digest,
            max_images=limits.images,
            max_body=limits.body,
            max_pixels=limits.pixels,
            queue=limits.queue,
        )

    @app.get(PUBLIC)
    async def health() -> Health:
        """Answer as long as the process works."""
        return Health(status='ok')

    @protected.get('/ready', responses={503: {'model': Health}})
    async def ready() -> Response:
        """Answer 200 if the service accepts images, and 503 while it stops."""
        if service.stopping:
            return JSONResponse({'status': 'stopping'}, 503, RETRY)
        return JSONResponse({'status': 'ready'})

    @protected.get('/metrics', responses={200: {'content': {'text/plain': {}}}})
    async def metrics_text() -> Response:
        """Return the metrics for Prometheus."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    app.include_router(protected)
    if token:
        app.add_middleware(TokenMiddleware, token=token)  # a website cannot send it
    else:
        app.add_middleware(RequestGuard, hosts=hosts)
    paths = [*app.openapi()['paths'], app.openapi_url]
    app.add_middleware(MetricsMiddleware, metrics=metrics, paths=paths)
    return app
