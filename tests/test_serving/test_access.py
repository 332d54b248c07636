from pathlib import Path

import pytest

pytest.importorskip('starlette', reason='needs the extra [serve]')

from mmsxm.serving.access import read_token


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
