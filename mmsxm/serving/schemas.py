"""Bodies of requests and answers, for the OpenAPI schema. docs/screening.md describes a record."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

__all__ = ['REQUEST_BODY', 'Failed', 'Health', 'Model', 'Problem', 'Records']

Share = Annotated[float, Field(ge=0, le=1)]


class Region(BaseModel):
    """Candidate region in image pixels, xyxy."""

    bbox: Annotated[list[float], Field(min_length=4, max_length=4)]
    score: float
    label: str | None = None


class Provenance(BaseModel):
    """Fields of every record."""

    path: Annotated[str, Field(description='Name of the image in the request.')]
    model: Annotated[str, Field(description='SHA-256 of the checkpoint.')]
    config_digest: str | None = None
    window: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    pseudo_color: str | None = None
    time: Annotated[str, Field(description='ISO 8601, in UTC.')]


class Judged(Provenance):
    """Record of a screened image."""

    labels: Annotated[list[str], Field(description='Classes with an alarm.')]
    scores: dict[str, Share]
    thresholds: dict[str, Share]
    regions: list[Region]
    level_weights: list[float]


class Failed(Provenance):
    """Record of an image that could not be screened."""

    error: str


class Records(BaseModel):
    """One record per image, in the order of the request."""

    records: list[Judged | Failed]


class Model(BaseModel):
    """The network and the limits of the service."""

    name: str
    version: Annotated[str, Field(description='Version of mmsxm.')]
    classes: list[str]
    thresholds: dict[str, Share]
    input_size: Annotated[list[int], Field(description='(h, w) of the network input.')]
    digest: Annotated[str, Field(description='SHA-256 of the checkpoint.')]
    config_digest: str
    max_images: Annotated[int, Field(description='Images per request.')]
    max_body: Annotated[int, Field(description='Bytes per request.')]
    max_pixels: Annotated[int, Field(description='Pixels per image.')]
    queue: Annotated[int, Field(description='Images that wait at most.')]


class Health(BaseModel):
    """State of the service."""

    status: str


class Problem(BaseModel):
    """Reason why a request was refused."""

    detail: Any


BINARY = {'type': 'string', 'format': 'binary'}
# images are received by hand, so FastAPI cannot derive this
REQUEST_BODY = {
    'required': True,
    'content': {
        'image/*': {'schema': BINARY},
        'application/octet-stream': {'schema': BINARY},
        'multipart/form-data': {
            'schema': {
                'type': 'object',
                'properties': {'images': {'type': 'array', 'items': BINARY, 'minItems': 1}},
                'required': ['images'],
            }
        },
    },
}
