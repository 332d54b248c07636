"""The service answers as its OpenAPI schema promises, whatever is sent."""

from collections.abc import Iterator

import pytest
from fake_service import Darkness, serving
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

from mmsxm.serving.service import Limits, ScreeningService

schemathesis = pytest.importorskip('schemathesis', reason='needs schemathesis, see tests.txt')

from schemathesis import GenerationMode  # noqa: E402
from schemathesis.specs.openapi import checks  # noqa: E402

HEADERS = {'Authorization': 'Bearer a-token-of-this-test'}
OPERATIONS = (
    *(('POST', '/v1/screen'), ('GET', '/v1/model'), ('GET', '/health'), ('GET', '/ready')),
    ('GET', '/metrics'),
)
NOT_HTTP = 'Invalid HTTP request received.'  # uvicorn's answer to a header that breaks HTTP
# any bytes may be an image, so invalid data is not an error here
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.ignored_auth,
]


@pytest.fixture(scope='module')
def address() -> Iterator[str]:
    service = ScreeningService(Darkness(), Limits(images=4, body=100_000))
    with serving(service, 'a-token-of-this-test') as client:
        yield str(client.base_url)


@pytest.mark.parametrize('mode', [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(('method', 'path'), OPERATIONS)
def test_answers_match_the_schema(
    address: str, method: str, path: str, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_url(f'{address}/openapi.json', headers=HEADERS)
    sent = 0

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=HealthCheck)
    @given(schema[path][method].as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        nonlocal sent
        sent += 1
        response = case.call(headers=HEADERS)
        if response.status_code == 400 and response.text == NOT_HTTP:
            return  # never reached the service
        case.validate_response(response, checks=CHECKS, headers=HEADERS)

    try:
        check()
    except Unsatisfiable:  # nothing in this operation can be wrong
        assert mode is GenerationMode.NEGATIVE
        return
    assert sent


def test_every_operation_is_tested(address: str) -> None:
    schema = schemathesis.openapi.from_url(f'{address}/openapi.json', headers=HEADERS)
    found = {(one.method.upper(), one.path) for one in map(_ok, schema.get_all_operations())}
    assert found == set(OPERATIONS)


def _ok(result):
    return result.ok()
