import asyncio

import pytest
from fake_service import DARK, LIGHT, Darkness, image

from mmsxm.imaging.images import ImageTooLargeError
from mmsxm.serving.service import (
    BusyError,
    Limits,
    NetworkError,
    ScreeningService,
    StoppingError,
    Upload,
)


def test_a_request_must_fit_into_the_queue() -> None:
    with pytest.raises(ValueError, match='33 images never fits into a queue of 32'):
        Limits(queue=32, images=33)


def test_a_place_in_the_queue_is_given_back_whatever_happens() -> None:
    service = ScreeningService(Darkness(), Limits(queue=4, images=4))
    with service.admit() as admission:
        admission.extend(3)
        assert service.queue_length == 3
        with pytest.raises(BusyError, match='no room for 2'), service.admit() as other:
            other.extend(2)
        assert service.queue_length == 3
        with service.admit():
            assert service.queue_length == 4
            with pytest.raises(BusyError), service.admit():
                pass
    assert service.queue_length == 0
    assert (service.accepted, service.answered) == (3, 3)


def test_a_service_that_stops_refuses_new_requests_only() -> None:
    service = ScreeningService(Darkness())
    with service.admit() as admission:
        service.stop()
        with pytest.raises(StoppingError), service.admit():
            pass
        admission.extend(2)
        assert service.queue_length == 2
    assert (service.accepted, service.answered) == (1, 1)


def test_images_are_screened_in_batches_and_answered_in_order() -> None:
    network = Darkness()
    service = ScreeningService(network, Limits(pixels=10_000), workers=1, batch_size=8)

    async def work() -> None:
        async with service.running():
            assert network.batches == [1]  # the first run is slow, so no request pays for it
            uploads = [Upload(f'{i}.png', image(LIGHT if i % 2 else DARK)) for i in range(6)]
            uploads[2] = Upload('broken.png', b'broken')
            records = await service.screen(uploads)
            assert [record['path'] for record in records] == [name for name, _ in uploads]
            assert [record.get('labels') for record in records] == [
                ['Gun'], [], None, [], ['Gun'], [],
            ]  # fmt: skip
            assert 'not an image' in records[2]['error']
            with pytest.raises(ImageTooLargeError, match=r'large\.png: 200 x 200 pixels'):
                await service.screen([uploads[0], Upload('large.png', image(size=(200, 200)))])

    asyncio.run(work())


def test_a_cancelled_request_keeps_its_places_until_its_images_are_done() -> None:
    network = Darkness()
    service = ScreeningService(network, Limits(queue=4, images=4))

    async def request() -> None:
        with service.admit() as admission:
            admission.extend(3)
            await service.screen([Upload(str(number), image(DARK)) for number in range(3)])

    async def work() -> None:
        async with service.running():
            network.is_open.clear()
            task = asyncio.create_task(request())
            await asyncio.sleep(0.1)
            task.cancel()
            await asyncio.wait([task], timeout=0.1)
            assert service.queue_length == 3
            network.is_open.set()
            await asyncio.wait([task])
            assert task.cancelled()
            assert service.queue_length == 0
            assert sum(network.batches) == 1 + 3

    asyncio.run(work())


def test_processes_that_do_not_start_are_an_error_of_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError('The worker processes crash as soon as they start.')

    async def work() -> None:
        service = ScreeningService(Darkness())
        async with service.running():
            monkeypatch.setattr(service, '_decode', fail)
            with pytest.raises(NetworkError, match='crash as soon as they start'):
                await service.screen([Upload('a.png', image())])

    asyncio.run(work())
