"""The service over HTTP, with a fake network."""

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from damaged_requests import LIMITS, damaged_requests, send
from fake_service import CLASSES, DARK, LIGHT, Darkness, image, serving

from mmsxm.imaging.reading import preprocess_data
from mmsxm.inference.records import screen_files
from mmsxm.screening.record_validation import read_record
from mmsxm.serving.service import Limits, ScreeningService

SCREEN = '/v1/screen'
TOKEN = 'a-token-of-this-test'
WHOLE_PART = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.png"\r\n\r\nb\r\n'


class Running:
    """Service with its network and a client."""

    def __init__(self, client: httpx.Client, service: ScreeningService, network: Darkness) -> None:
        self.client = client
        self.service = service
        self.network = network

    def wait_for(self, queue_length: int) -> None:
        end = time.monotonic() + 60
        while self.service.queue_length != queue_length:
            assert time.monotonic() < end
            time.sleep(0.005)


@pytest.fixture(scope='module')
def running() -> Iterator[Running]:
    """A service that runs for all tests of this module."""
    network = Darkness()
    limits = Limits(queue=6, images=4, body=300_000, pixels=100_000, body_seconds=2)
    service = ScreeningService(network, limits)
    with serving(service) as client:
        yield Running(client, service, network)


def parts(*files: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [('images', (f'{number}.png', file)) for number, file in enumerate(files)]


def test_the_body_is_one_image_and_its_record_is_that_of_screening(running: Running) -> None:
    answer = running.client.post(SCREEN, content=image(DARK), params={'name': 'P00002.jpg'})
    assert answer.status_code == 200
    (record,) = answer.json()['records']
    assert read_record(json.dumps(record).encode()) == record
    file = preprocess_data('P00002.jpg', image(DARK), running.network.info.preprocessing, 10_000)
    (screened,) = screen_files(Darkness(), [file])
    assert list(record) == list(screened.record)
    assert {**record, 'time': ''} == {**screened.record, 'time': ''}


def test_a_broken_image_is_an_error_that_names_it_and_others_are_answered(running: Running) -> None:
    files = parts(image(DARK), b'broken', b'', image(LIGHT))
    answer = running.client.post(SCREEN, files=files)
    assert answer.status_code == 200
    records = answer.json()['records']
    assert [record['path'] for record in records] == ['0.png', '1.png', '2.png', '3.png']
    assert [record.get('labels') for record in records] == [['Gun'], None, None, []]
    assert 'not an image' in records[1]['error']
    assert records[2]['error'] == 'the file is empty'
    assert all(read_record(json.dumps(record).encode()) == record for record in records)


def test_no_image_touches_the_disk(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError('an image would be written to the disk')

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, 'rollover', refuse)
    monkeypatch.setattr(tempfile, 'TemporaryFile', refuse)
    uncompressed = image(LIGHT, size=(200, 400), suffix='.bmp')
    assert len(uncompressed) > 200_000
    answer = running.client.post(SCREEN, files=parts(uncompressed))
    assert answer.json()['records'][0]['labels'] == []


def test_parts_larger_than_the_usual_spool_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError('an image would be written to the disk')

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, 'rollover', refuse)
    with serving(ScreeningService(Darkness())) as client:
        large = image(LIGHT, size=(1000, 1000), suffix='.bmp')
        answer = client.post(SCREEN, files=parts(large, large))
    assert [record['labels'] for record in answer.json()['records']] == [[], []]


@pytest.mark.parametrize(
    ('body', 'reason'),
    [
        ({'content': b'x' * 300_001}, 'exceeds 300000 bytes'),
        ({'content': iter([b'x' * 200_000] * 2)}, 'exceeds 300000 bytes'),  # of unknown length
        ({'files': parts(b'x' * 300_000)}, 'exceeds 300000 bytes'),
        ({'files': parts(*5 * [b'x'])}, 'more than 4 images'),
        ({'content': image(size=(400, 300))}, 'image: 300 x 400 pixels exceed the limit'),
        ({'files': parts(b'x', image(size=(400, 300)))}, '1.png: 300 x 400 pixels'),
    ],
)
def test_what_exceeds_a_limit_is_refused(running: Running, body: dict, reason: str) -> None:
    answer = running.client.post(SCREEN, **body)
    assert answer.status_code == 413
    assert reason in answer.json()['detail']
    assert running.service.queue_length == 0


@pytest.mark.parametrize(
    ('content', 'kind'),
    [
        (b'', 'multipart/form-data; boundary=x'),
        (b'--x--\r\n', 'multipart/form-data; boundary=x'),
        (b'--x\r\nno header', 'multipart/form-data; boundary=x'),
        (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n', 'boundary=x'),
        (b'anything', 'multipart/form-data'),
        (WHOLE_PART, 'multipart/form-data; boundary=x'),  # not closed: other images are missing
        (WHOLE_PART + b'--x', 'multipart/form-data; boundary=x'),
        (WHOLE_PART + WHOLE_PART[:-5], 'multipart/form-data; boundary=x'),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"; filename="%s"\r\n\r\nb\r\n--x--\r\n'
            % (b'n' * 1001),
            'multipart/form-data; boundary=x',
        ),
    ],
)
def test_a_damaged_multipart_body_is_refused(running: Running, content: bytes, kind: str) -> None:
    headers = {'Content-Type': kind if 'multipart' in kind else f'multipart/form-data; {kind}'}
    answer = running.client.post(SCREEN, content=content, headers=headers)
    assert answer.status_code == 400
    assert answer.json()['detail']


def test_a_body_that_does_not_arrive_gives_its_place_back(running: Running) -> None:
    done = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield b'first part of the body'
        done.wait(60)
        yield b'the rest'

    with ThreadPoolExecutor() as pool:
        call = pool.submit(running.client.post, SCREEN, content=slowly())
        running.wait_for(1)
        running.wait_for(0)
        done.set()
        assert call.result().status_code == 408


def test_a_full_queue_refuses_requests_and_answers_those_it_accepted(running: Running) -> None:
    running.network.is_open.clear()
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(running.client.post, SCREEN, content=image(DARK)) for _ in range(5)]
        running.wait_for(5)
        several = running.client.post(SCREEN, files=parts(image(), image()))
        assert (several.status_code, several.headers['Retry-After']) == (503, '1')
        assert 'no room for 2' in several.json()['detail']
        calls.append(pool.submit(running.client.post, SCREEN, content=image(DARK)))
        running.wait_for(6)
        one = running.client.post(SCREEN, content=image(DARK))
        assert (one.status_code, one.headers['Retry-After']) == (503, '1')
        assert running.client.get('/health').status_code == 200
        assert 'mmsxm_queue_length 6.0' in running.client.get('/metrics').text
        running.network.is_open.set()
        assert [call.result().status_code for call in calls] == 6 * [200]
    assert running.service.queue_length == 0


def test_the_network_gets_what_waits_in_one_batch() -> None:
    network = Darkness()
    with serving(ScreeningService(network)) as client, ThreadPoolExecutor() as pool:
        network.is_open.clear()
        calls = [pool.submit(client.post, SCREEN, content=image(DARK)) for _ in range(8)]
        time.sleep(1)  # one batch may have begun with the first ones
        network.is_open.set()
        assert [call.result().status_code for call in calls] == 8 * [200]
    assert sum(network.batches) == 1 + 8
    assert len(network.batches) < 1 + 8


def test_a_failure_of_the_network_is_an_error_of_its_requests_only(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object, images: object) -> None:
        raise ValueError('the network failed to run')

    with monkeypatch.context() as patch:
        patch.setattr(Darkness, '__call__', fail)
        answer = running.client.post(SCREEN, content=image(DARK))
    assert (answer.status_code, 'The log' in answer.json()['detail']) == (500, True)
    assert 'ValueError: the network failed to run' in caplog.text
    assert running.service.queue_length == 0
    assert running.client.post(SCREEN, content=image(DARK)).status_code == 200


def test_the_model_is_described(running: Running) -> None:
    answer = running.client.get('/v1/model').json()
    assert answer['classes'] == list(CLASSES)
    assert answer['thresholds'] == {'Gun': 0.5, 'Knife': 0.5}
    assert answer['input_size'] == [8, 12]
    assert (answer['digest'], answer['config_digest']) == ('a' * 64, 'b' * 64)
    assert (answer['max_images'], answer['max_body'], answer['max_pixels']) == (4, 300_000, 100_000)


def test_metrics_count_requests_errors_and_alarms() -> None:
    with serving(ScreeningService(Darkness())) as client:
        client.post(SCREEN, files=parts(image(DARK), image(DARK), image(LIGHT), b'broken'))
        client.get('/etc/passwd')
        lines = client.get('/metrics').text.splitlines()
    values = dict(line.rsplit(' ', 1) for line in lines if not line.startswith('#'))
    assert values['mmsxm_images_total'] == '3.0'
    assert values['mmsxm_image_errors_total'] == '1.0'
    assert values['mmsxm_alarms_total{class="Gun"}'] == '2.0'
    assert values['mmsxm_alarms_total{class="Knife"}'] == '0.0'
    assert values[f'mmsxm_requests_total{{path="{SCREEN}",status="200"}}'] == '1.0'
    assert values['mmsxm_requests_total{path="other",status="404"}'] == '1.0'
    assert values[f'mmsxm_request_seconds_count{{path="{SCREEN}"}}'] == '1.0'
    assert values['mmsxm_queue_length'] == '0.0'


def test_the_token_protects_everything_but_health() -> None:
    with serving(ScreeningService(Darkness()), TOKEN) as client:
        paths = ('/v1/model', '/ready', '/metrics', '/openapi.json', '/docs', '/anything')
        for authorization in (
            {},
            *({'Authorization': text} for text in (TOKEN, 'Bearer x', b'Bearer \xe9')),
        ):
            assert client.get('/health', headers=authorization).status_code == 200
            for path in paths:
                answer = client.get(path, headers=authorization)
                assert (answer.status_code, answer.headers['WWW-Authenticate']) == (401, 'Bearer')
            refused = client.post(SCREEN, content=image(), headers=authorization)
            assert refused.status_code == 401
        headers = {'Authorization': f'Bearer {TOKEN}'}
        assert client.get('/v1/model', headers=headers).status_code == 200
        assert client.post(SCREEN, content=image(), headers=headers).status_code == 200


@pytest.mark.parametrize(
    'headers',
    [
        {'Host': 'bags.example.org'},  # a name of a website that points to this machine
        {'Origin': 'https://bags.example.org'},
        {'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors'},
    ],
)
def test_web_sites_cannot_use_a_service_without_a_token(
    running: Running, headers: dict[str, str]
) -> None:
    for path in ('/v1/model', '/metrics', '/openapi.json', '/health'):
        assert running.client.get(path, headers=headers).status_code == 403
    answer = running.client.post(SCREEN, content=image(DARK), headers=headers)
    assert answer.status_code == 403
    assert answer.json()['detail']
    assert not answer.headers.get('Access-Control-Allow-Origin')


def test_a_token_replaces_the_check_of_host_names() -> None:
    headers = {'Host': 'lane.example.org', 'Authorization': f'Bearer {TOKEN}'}
    with serving(ScreeningService(Darkness()), TOKEN) as client:
        assert client.get('/v1/model', headers=headers).status_code == 200
        responses = client.get('/openapi.json', headers=headers).json()['paths'][SCREEN]['post']
    assert '403' not in responses['responses']


def test_no_page_loads_scripts_from_elsewhere(running: Running) -> None:
    assert running.client.get('/docs').status_code == 404
    assert running.client.get('/redoc').status_code == 404
    schema = running.client.get('/openapi.json').json()
    assert set(schema['paths']) == {SCREEN, '/v1/model', '/health', '/ready', '/metrics'}
    assert {'200', '400', '403', '408', '413', '503'} <= set(
        schema['paths'][SCREEN]['post']['responses']
    )


def test_a_service_that_stops_is_not_ready_and_answers_what_it_accepted() -> None:
    network = Darkness()
    service = ScreeningService(network)
    with serving(service) as client, ThreadPoolExecutor() as pool:
        assert client.get('/ready').status_code == 200
        network.is_open.clear()
        call = pool.submit(client.post, SCREEN, content=image(DARK))
        while not service.queue_length:
            time.sleep(0.005)
        service.stop()
        refused = client.post(SCREEN, content=image(DARK))
        assert (refused.status_code, refused.headers['Retry-After']) == (503, '1')
        assert client.get('/ready').status_code == 503
        assert client.get('/health').status_code == 200
        network.is_open.set()
        assert call.result().json()['records'][0]['labels'] == ['Gun']


def test_damaged_bodies_are_answered_with_2xx_or_4xx() -> None:
    statuses = set()
    with serving(ScreeningService(Darkness(), LIMITS)) as client:
        for number, request in zip(range(400), damaged_requests(seed=1), strict=False):
            status = send(client, request).status_code
            assert 200 <= status < 300 or 400 <= status < 500, (number, status, request)
            statuses.add(status)
    assert statuses == {200, 400, 413, 422}
