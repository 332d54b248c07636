from pathlib import Path

import pytest

pytest.importorskip('starlette', reason='needs the extra [serve]')

from mmsxm.serving.access import is_local, read_token


@pytest.mark.parametrize(
    ('host', 'expected'),
    [
        *((host, True) for host in ('127.0.0.1', '127.8.0.1', '::1', 'localhost')),
        *((host, False) for host in ('0.0.0.0', '::', '', '192.0.2.1')),
    ],
)
def test_only_this_machine_reaches_a_loopback_address(host: str, expected: bool) -> None:
    assert is_local(host) == expected


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(OSError, match='no address found') as caught:
        is_local('no-such-host.invalid')
    assert caught.value.filename == 'no-such-host.invalid'


def test_the_token_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / 'token.txt'
    path.write_text('0123456789abcdef\n')
    assert read_token(path) == '0123456789abcdef'


@pytest.mark.parametrize('content', [b'', b'short\n', b'0123456789 abcdef', b'0123456789abcde\xff'])
def test_a_token_that_a_header_cannot_carry_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'token.txt'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'token\.txt contains no valid token'):
        read_token(path)
