"""Send damaged bodies to a service: it answers each with 2xx or 4xx, and goes on.

python tests/fuzz/damaged_requests.py --number 10000

The network is a fake; bodies, decoding, answers and the server are real.
"""

import argparse
import io
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

import httpx
from damage import damaged, damaged_png, noise, one_of
from fake_service import DARK, Darkness, image, serving
from PIL import Image

from mmsxm.serving.service import Limits, ScreeningService

BOUNDARY = b'boundary'
LIMITS = Limits(images=4, body=300_000, pixels=100_000)
TYPES = (
    *('image/png', 'application/octet-stream', 'multipart/form-data', 'application/json', '', ';'),
    *('multipart/form-data; boundary=', 'multipart/form-data; boundary=other', 'multipart/mixed'),
    *('multipart/form-data; boundary=boundary; charset=' + name for name in ('utf-7', 'rot13')),
    *('multipart/form-data; boundary=boundary; charset=' + name for name in ('idna', 'x', '"')),
    *('multipart/form-data; boundary="bound\\"ary"', 'multipart/form-data; boundary=' + 'b' * 300),
    *('application/x-www-form-urlencoded', 'MULTIPART/FORM-DATA; BOUNDARY=boundary'),
)
WORDS = (
    *(b'--boundary\r\n', b'--boundary--', b'\r\n\r\n', b'\r\n', b'\n', b'; filename="', b'name=""'),
    *(b'Content-Disposition: ', b'Content-Transfer-Encoding: base64\r\n', b"filename*=utf-8''%ff"),
    *(
        b'filename="+2AA-"',
        b'filename="\xff"',
        b'filename="' + b'x' * 5000 + b'"',
        b'charset=x\r\n',
    ),
)


class DamagedRequest(NamedTuple):
    """Request to screen images."""

    body: bytes
    content_type: str
    query: str


def images() -> list[bytes]:
    """Whole files of several formats."""
    picture = Image.effect_noise((60, 40), 80)
    files = [image(DARK), image(suffix='.jpg'), image(size=(400, 300))]
    for name in ('TIFF', 'GIF', 'BMP', 'WEBP', 'JPEG2000', 'PPM'):
        file = io.BytesIO()
        picture.save(file, name)
        files.append(file.getvalue())
    return files


def multipart(parts: list[bytes]) -> bytes:
    """Return a whole multipart body."""
    head = b'--%s\r\nContent-Disposition: form-data; name="images"; filename="%d.png"\r\n\r\n'
    lines = [head % (BOUNDARY, number) + part for number, part in enumerate(parts)]
    return b'\r\n'.join([*lines, b'--%s--\r\n' % BOUNDARY])


def damaged_requests(seed: int) -> Iterator[DamagedRequest]:
    """Yield requests without end; some of them are whole."""
    random = Random(seed)
    files = images()
    damaged_file = one_of(damaged(files), damaged_png(files[:1]), noise)
    bodies = [multipart(files[:count]) for count in (0, 1, 3, 4, 5)]
    damaged_body = damaged(bodies, WORDS)
    while True:
        if random.random() < 0.4:
            body, kind = damaged_file(random), 'image/png'
        elif random.random() < 0.5:
            parts = [damaged_file(random) for _ in range(random.randrange(6))]
            body, kind = multipart(parts), f'multipart/form-data; boundary={BOUNDARY.decode()}'
        else:
            body, kind = damaged_body(random), f'multipart/form-data; boundary={BOUNDARY.decode()}'
        if random.random() < 0.2:
            kind = random.choice(TYPES)
        query = random.choice(('', '', '?name=bag.png', '?name=', '?name=%ED%A0%80', '?name=%00'))
        yield DamagedRequest(body, kind, query)


def send(client: httpx.Client, request: DamagedRequest) -> httpx.Response:
    """Send a request to the service."""
    headers = {'Content-Type': request.content_type}
    return client.post(f'/v1/screen{request.query}', content=request.body, headers=headers)


def main() -> None:
    """Send requests one after another, and print how many got which status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--number', type=int, default=10_000, help='default: %(default)s')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    statuses: Counter[int] = Counter()
    with serving(ScreeningService(Darkness(), LIMITS)) as client:
        for number, request in zip(range(args.number), damaged_requests(args.seed), strict=False):
            status = send(client, request).status_code
            statuses[status] += 1
            if status not in range(200, 300) and status not in range(400, 500):
                raise SystemExit(f'request {number} of seed {args.seed}: {status} for {request}')
        assert client.get('/ready').status_code == 200
    print(dict(sorted(statuses.items())))  # noqa: T201


if __name__ == '__main__':
    main()
