import cv2
import numpy as np
import pytest

from mmsxm.imaging import near_duplicates
from mmsxm.imaging.fingerprint import Fingerprint, fingerprint_file
from mmsxm.imaging.near_duplicates import LIMIT, Twin, nearest_earlier, nearest_of
from mmsxm.imaging.reading import Unreadable

LARGE = 10**8


def picture(seed=0, size=(300, 400)):
    """Return a picture of soft blobs, like a bag."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC)


def fingerprint(folder, image, name='image.png', *parameters):
    cv2.imwrite(str(folder / name), image, parameters)
    result = fingerprint_file(str(folder / name), LARGE)
    assert isinstance(result, Fingerprint)
    return result


def differing(a, b):
    return (int.from_bytes(a.hash, 'big') ^ int.from_bytes(b.hash, 'big')).bit_count()


def test_the_same_pixels_in_another_file_are_identical(tmp_path):
    image = picture()
    first = fingerprint(tmp_path, image, 'a.png')
    second = fingerprint(tmp_path, image, 'a.bmp')
    assert first == second
    assert first.size == (300, 400)
    assert first.digest != fingerprint(tmp_path, image.transpose(1, 0, 2)).digest
    image[0, 0] ^= 255
    assert first.digest != fingerprint(tmp_path, image).digest


def test_equal_gray_pixels_of_another_size_are_not_identical(tmp_path):
    flat = np.full((20, 30, 3), 255, np.uint8)
    digests = {fingerprint(tmp_path, flat.reshape(shape)).digest for shape in SHAPES}
    assert len(digests) == 2


SHAPES = [(20, 30, 3), (30, 20, 3)]


@pytest.mark.parametrize(
    'change',
    [
        lambda image: cv2.resize(image, (260, 190), interpolation=cv2.INTER_AREA),
        lambda image: cv2.convertScaleAbs(image, alpha=0.8, beta=30),
        lambda image: np.roll(image, 2, axis=1),
    ],
)
def test_a_slightly_changed_image_is_near(tmp_path, change):
    image = picture()
    a = fingerprint(tmp_path, image)
    b = fingerprint(tmp_path, change(image), 'b.jpg', cv2.IMWRITE_JPEG_QUALITY, 60)
    assert a.digest != b.digest
    assert differing(a, b) <= LIMIT


def test_different_images_are_far(tmp_path):
    prints = [fingerprint(tmp_path, picture(seed)) for seed in range(20)]
    distances = [differing(a, b) for i, a in enumerate(prints) for b in prints[:i]]
    assert min(distances) > 2 * LIMIT  # by chance, half of the 255 bits differ
    assert nearest_earlier([one.hash for one in prints]) == []


@pytest.mark.parametrize('content', [None, b'', b'no image'])
def test_a_broken_file_has_a_reason(tmp_path, content):
    if content is not None:
        (tmp_path / 'a.jpg').write_bytes(content)
    result = fingerprint_file(str(tmp_path / 'a.jpg'), LARGE)
    assert isinstance(result, Unreadable)
    assert result.error


def test_a_too_large_image_has_a_reason(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), picture())
    result = fingerprint_file(str(tmp_path / 'a.png'), 300 * 400 - 1)
    assert isinstance(result, Unreadable)
    assert '400 x 300' in result.error


def hashes(*bits_set):
    """Return hashes of 32 bytes with the given numbers of bits set."""
    return [((1 << count) - 1).to_bytes(32, 'big') for count in bits_set]


def test_the_nearest_hash_within_the_limit_is_found():
    assert nearest_of(hashes(0, 100, 200), hashes(90, 41, 40, 160), limit=40) == [
        Twin(0, 2, 40),
        Twin(1, 0, 10),
        Twin(2, 3, 40),
    ]
    assert nearest_of(hashes(0), hashes(41), limit=40) == []
    assert nearest_of([], hashes(1)) == nearest_of(hashes(1), []) == nearest_earlier([]) == []


def test_an_image_is_only_compared_with_earlier_ones():
    assert nearest_earlier(hashes(0, 100, 101, 3, 102), limit=5) == [
        Twin(2, 1, 1),
        Twin(3, 0, 3),
        Twin(4, 2, 1),
    ]


def test_several_blocks_match_a_single_block(monkeypatch):
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (4, 32), dtype=np.uint8)
    noise = rng.integers(0, 256, (40, 32), dtype=np.uint8) & rng.integers(
        0, 2, (40, 32), dtype=np.uint8
    )
    many = [row.tobytes() for row in base[np.arange(40) % 4] ^ noise]
    whole = nearest_earlier(many), nearest_of(many, many[::-1])
    assert len(whole[0]) == 36  # all except the first of each kind
    monkeypatch.setattr(near_duplicates, 'BLOCK', 7)
    assert [(t.image, t.distance) for t in nearest_earlier(many)] == [
        (t.image, t.distance) for t in whole[0]
    ]
    assert all(t.other < t.image for t in nearest_earlier(many))
    assert [t.distance for t in nearest_of(many, many[::-1])] == [0] * 40
