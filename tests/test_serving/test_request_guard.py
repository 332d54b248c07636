import pytest

pytest.importorskip('starlette', reason='needs the extra [serve]')

from starlette.datastructures import Headers

from mmsxm.serving.request_guard import accepted_hosts, refusal

LOCAL = accepted_hosts('127.0.0.1')


def refused(host: str, hosts: frozenset[str] | None = LOCAL, path: str = '/', **more: str) -> bool:
    headers = {name.replace('_', '-'): value for name, value in more.items()}
    return refusal(path, Headers({'host': host, **headers}), hosts) is not None


@pytest.mark.parametrize('host', ['127.0.0.1', '127.0.0.2', '::1', 'localhost', 'LocalHost'])
def test_addresses_of_this_machine_alone(host: str) -> None:
    assert not refused(f'[{host}]:7860' if ':' in host else host, accepted_hosts(host))


def test_addresses_that_others_reach_accept_any_name_or_those_given() -> None:
    for host in ('0.0.0.0', '192.168.1.5', '::'):
        assert not refused('anything', accepted_hosts(host))
    named = accepted_hosts('0.0.0.0', ['Lane.example'])
    assert not refused('lane.example:7860', named)
    assert refused('localhost', named)


def test_names_that_point_to_this_machine_are_refused() -> None:
    for host in ('bags.example.org', '127.0.0.1.example.org', '', '[', 'evil@x', '127.0.0.1@evil'):
        assert refused(host), host
    for host in ('127.0.0.1:7860', 'localhost', '[::1]:7860', 'LOCALHOST:1'):
        assert not refused(host), host


def test_requests_of_other_pages_are_refused() -> None:
    host = '127.0.0.1:7860'
    assert not refused(host, origin='http://127.0.0.1:7860')
    for origin in (
        'null',
        'https://example.org',
        'http://127.0.0.1:8000',  # another program of this machine
        'http://localhost:7860',
        'http://[',
    ):
        assert refused(host, origin=origin), origin


def test_a_proxy_may_replace_the_host() -> None:
    hosts = accepted_hosts('127.0.0.1', ['lane.example'])
    assert not refused('127.0.0.1:7860', hosts, origin='https://lane.example')
    assert not refused('lane.example', hosts, origin='https://lane.example')
    assert refused('127.0.0.1:7860', hosts, origin='https://other.example')


def test_other_sites_may_link_to_the_page_but_not_load_parts_of_it() -> None:
    host = 'localhost:7860'
    link = {'sec_fetch_site': 'cross-site', 'sec_fetch_mode': 'navigate'}
    assert not refused(host, **link)
    assert refused(host, path='/api/cases/0/image', **link)
    for site in ('cross-site', 'same-site'):
        assert refused(host, path='/page.js', sec_fetch_site=site, sec_fetch_mode='no-cors')
    for site in ('same-origin', 'none'):
        assert not refused(host, path='/api/cases', sec_fetch_site=site)
