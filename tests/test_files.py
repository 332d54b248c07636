from pathlib import Path

from mmsxm.files import sha256


def test_the_digest_of_a_file(tmp_path: Path) -> None:
    (tmp_path / 'abc').write_bytes(b'abc')
    assert sha256(tmp_path / 'abc').startswith('ba7816bf8f01cfea')  # FIPS 180-2, B.1
