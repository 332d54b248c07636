import pytest

from mmsxm.io.addresses import is_local


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
