import asyncio
from pathlib import Path

import cv2
import numpy as np
import pytest
from fake_service import DARK, DEADLY, DeadlyPreprocessing, image

from mmsxm.imaging.images import MAX_PIXELS, ImageTooLargeError
from mmsxm.imaging.preprocessing import Preprocessing
from mmsxm.imaging.reading import PreprocessedFile, Unreadable, preprocess_file
from mmsxm.serving.decoder import Decoder


def decode(
    images: dict[str, bytes], preprocessing: Preprocessing, max_pixels: int = MAX_PIXELS
) -> list:
    async def work() -> list[PreprocessedFile | Unreadable | BaseException]:
        with Decoder(preprocessing, max_pixels, workers=2) as decode:
            calls = (decode(name, data) for name, data in images.items())
            return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(work())


def test_an_image_in_memory_is_read_like_its_file(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (37, 51, 3), dtype=np.uint8)
    preprocessing = Preprocessing(size=(16, 24))
    for suffix in ('.jpg', '.png', '.tif'):
        path = tmp_path / f'noise{suffix}'
        cv2.imwrite(str(path), noise)
        ((name, pixels, view),) = decode({'x': path.read_bytes()}, preprocessing)
        expected = preprocess_file(str(path), preprocessing, MAX_PIXELS)
        assert isinstance(expected, PreprocessedFile)
        assert (name, view) == ('x', expected.view)
        assert np.array_equal(pixels, expected.image)


def test_broken_and_large_images_are_told_apart() -> None:
    whole = image()
    empty, text, cut, large = decode(
        {'a': b'', 'b': b'no image', 'c': whole[:-20], 'd': image(size=(200, 200))},
        Preprocessing(size=(8, 8)),
        max_pixels=10_000,
    )
    assert empty == Unreadable('a', 'the file is empty')
    assert (text.path, 'not an image' in text.error) == ('b', True)
    assert (cut.path, 'truncated' in cut.error) == ('c', True)
    assert isinstance(large, ImageTooLargeError)


def test_an_image_that_kills_its_process_costs_no_other_image() -> None:
    images = {str(number): image(DARK + number) for number in range(6)}
    images['3'] = image(DEADLY)
    results = decode(images, DeadlyPreprocessing(size=(8, 12)))
    assert [result.path for result in results] == list(images)
    assert [isinstance(result, Unreadable) for result in results] == [i == 3 for i in range(6)]
    assert results[3].error == 'reading it crashed the worker process twice'
    assert [int(result.image.max()) for i, result in enumerate(results) if i != 3] == [
        DARK + number for number in range(6) if number != 3
    ]


@pytest.mark.parametrize('count', [1, 20])
def test_more_images_than_processes_wait_for_their_turn(count: int) -> None:
    images = {str(number): image(number) for number in range(count)}
    results = decode(images, Preprocessing(size=(8, 12)))
    assert [int(result.image.max()) for result in results] == list(range(count))


def test_calls_of_those_who_gave_up_are_not_kept() -> None:
    async def work() -> None:
        with Decoder(Preprocessing(size=(8, 12)), MAX_PIXELS, workers=1) as decode:
            calls = [asyncio.create_task(decode(str(i), image(i))) for i in range(4)]
            await asyncio.sleep(0)  # they begin
            await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            await decode('last', image())
            assert all(call.cancelled() for call in calls)
            assert decode._pool._pending == set()

    asyncio.run(work())
