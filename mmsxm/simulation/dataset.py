"""Simulated datasets in the layouts of public ones.

`simulation.json` records how a set was made. An image of a seed does not depend on the counts or
the number of processes. Simulation of an interrupted set resumes where it stopped.
"""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2

from mmsxm.io.files import atomic_write
from mmsxm.simulation import opixray_layout, sixray_layout
from mmsxm.simulation.bag import SIMULATOR_VERSION, Bag, simulate_bag
from mmsxm.simulation.scanner import Scanner
from mmsxm.simulation.scanner_profiles import known_scanners
from mmsxm.simulation.sites import CROWDING, Crowding

PARAMETERS_FILE = 'simulation.json'
# Images per task: few enough that no process waits long for the last task, and enough that the cost
# of distributing them is negligible.
_CHUNK = 8


class _Layout(Protocol):
    def image(self, name: str) -> Path: ...
    def identity(self, name: str) -> tuple[int, bool]: ...
    def annotations(self, name: str, bag: Bag) -> dict[Path, bytes]: ...


class _Settings(NamedTuple):
    site: str
    seed: int
    image_size: tuple[int, int] | None
    crowding: str | Crowding
    scanner: str | Sequence[Scanner]
    items_removed: bool = False

    def simulate(self, number: int, positive: bool = True, with_items: bool = True) -> Bag:
        # Positives have even numbers, negatives odd ones, so no two bags of a set share a number.
        return simulate_bag(
            self.seed,
            2 * number + (not positive),
            self.image_size,
            self.crowding,
            positive and with_items,
            self.site,
            self.scanner,
        )

    def to_dict(self) -> dict[str, object]:
        """Return the settings in full, because the meaning of a name may change."""
        crowding = self.crowding
        return {
            'simulator': SIMULATOR_VERSION,
            'layout': self.site,
            'seed': self.seed,
            'image_size': list(self.image_size) if self.image_size else None,
            'crowding': asdict(CROWDING[crowding] if isinstance(crowding, str) else crowding),
            'scanners': [asdict(machine) for machine in known_scanners(self.scanner)],
            'items_removed': self.items_removed,
        }


def write_sixray(
    dst: str | Path,
    train: int,
    test: int,
    negatives: int = 0,
    seed: int = 0,
    workers: int = 0,
    image_size: tuple[int, int] | None = None,
    crowding: str | Crowding = 'typical',
    scanner: str | Sequence[Scanner] = 'sixray',
    lists: Sequence[int] = (),
    items_removed: bool = False,
) -> int:
    """Simulate a set in SIXray's layout (see `sixray_layout`), or finish an incomplete one.

    Positives 1..train form the training list, the next `test` positives the test list. Existing
    images are kept.

    Args:
        dst: Folder of the set.
        train: Number of images with items in the training list.
        test: Number of images with items in the test list.
        negatives: Number of images without items in both lists together. They are split in the same
            proportion, the first ones for training, and listed in `ImageSet/10`.
        seed: Seed of the set.
        workers: Number of processes. 0 uses this process only.
        image_size: (h, w) in pixels. By default, the scanner determines the size of each image.
        crowding: Key of CROWDING, or a custom Crowding.
        scanner: Key of SCANNERS, or scanners to choose from by weight.
        lists: For each number R, `ImageSet/R` has R negatives for each positive of a list. The
            negatives of a larger R include those of a smaller one. As many negatives are simulated
            as the largest R needs.
        items_removed: Whether to leave out the items in the images, and nothing else. Lists and
            boxes stay the same. Anything a network still learns about the labels comes from the
            rest of the bag.

    Returns:
        Number of images that were simulated, without existing ones.

    Raises:
        ValueError: A count or the seed is negative, there are no positives, a name is unknown,
            `negatives` and `lists` are both given, the images are too small, or the folder contains
            something else.
    """
    _check_counts(train=train, test=test, negatives=negatives, workers=workers)
    if negatives and lists:
        raise ValueError(
            f'negatives={negatives} and lists={list(lists)} are both given, but the name of a list '
            'determines its number of negatives. Give only one of the two.'
        )
    if min(lists, default=1) < 1:
        raise ValueError(
            f'lists={list(lists)} contains a number below 1. Negatives for each positive must be 1 '
            'or more.'
        )
    lists = sorted(set(lists))
    settings = _Settings('sixray', seed, image_size, crowding, scanner, items_removed)
    folder = _claim(dst, settings, train=train, test=test, negatives=negatives, lists=lists)
    layout = sixray_layout.SixrayLayout(folder)
    image_sets = sixray_layout.image_sets(train, test, negatives, lists)
    simulated = _simulate_all(
        settings,
        layout,
        [name for parts in image_sets.values() for names in parts.values() for name in names],
        workers,
    )
    layout.write_lists(image_sets)
    return simulated


def write_opixray(
    dst: str | Path,
    train: int,
    test: int,
    seed: int = 0,
    workers: int = 0,
    image_size: tuple[int, int] | None = None,
    crowding: str | Crowding = 'typical',
    scanner: str | Sequence[Scanner] = 'opixray',
) -> int:
    """Simulate a set in OPIXray's layout (see `opixray_layout`), or finish an incomplete one.

    The other arguments, the return value and the errors are the same as for `write_sixray`.

    Args:
        train: Number of images in the training list.
        test: Number of images in the test list.
    """
    _check_counts(train=train, test=test, workers=workers)
    settings = _Settings('opixray', seed, image_size, crowding, scanner)
    folder = _claim(dst, settings, train=train, test=test)
    layout = opixray_layout.OpixrayLayout(folder, train)
    parts = opixray_layout.split(train, test)
    simulated = _simulate_all(settings, layout, parts['train'] + parts['test'], workers)
    layout.write_lists(parts)
    return simulated


def _check_counts(train: int, test: int, **others: int) -> None:
    counts = {'train': train, 'test': test, **others}
    if min(counts.values()) < 0 or train + test < 1:
        listed = ', '.join(f'{name}={count}' for name, count in counts.items())
        raise ValueError(
            f'Invalid counts {listed}. None may be negative, and train + test must be 1 or more.'
        )


def _claim(dst: str | Path, settings: _Settings, **counts: int | list[int]) -> Path:
    """Record the parameters in a new folder, or check that an existing one has the same."""
    # Simulating the first bag validates the settings before anything is written.
    settings.simulate(1)
    parameters = json.dumps({**settings.to_dict(), **counts}, indent=1) + '\n'
    folder = Path(dst)
    record = folder / PARAMETERS_FILE
    if folder.exists() and not folder.is_dir():
        raise ValueError(f'{folder} is a file. Name a folder.')
    is_same_set = record.exists() and record.read_text() == parameters
    if folder.exists() and any(folder.iterdir()) and not is_same_set:
        raise ValueError(
            f'{folder} is not empty, and its {PARAMETERS_FILE} does not record a simulated set '
            'with these parameters. Delete it or name another folder.'
        )
    atomic_write(record, parameters.encode())
    return folder


def _simulate_all(settings: _Settings, layout: _Layout, names: list[str], workers: int) -> int:
    """Write the missing images and return their number."""
    from rich.progress import track

    missing = [name for name in dict.fromkeys(names) if not layout.image(name).exists()]
    with _mapper(workers) as mapper:
        written = mapper(partial(_write_bag, settings, layout), missing)
        for _ in track(written, 'Simulating bags', total=len(missing)):
            pass
    return len(missing)


@contextmanager
def _mapper(
    workers: int,
) -> Iterator[Callable[[Callable[[str], None], list[str]], Iterable[None]]]:
    if workers == 0:
        yield map
        return
    # Not forked, because the caller may run threads of torch or OpenCV.
    context = multiprocessing.get_context('spawn')
    with _one_thread_each():
        pool = context.Pool(workers, cv2.setNumThreads, (1,))
    with pool:
        yield partial(pool.imap_unordered, chunksize=_CHUNK)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let NumPy use one thread in processes that start in this context, because they share cores.

    Otherwise, matrix products start one thread per core in each process, and take longer.
    """
    before = os.environ.get('OMP_NUM_THREADS')
    os.environ['OMP_NUM_THREADS'] = '1'
    try:
        yield
    finally:
        del os.environ['OMP_NUM_THREADS']
        if before is not None:
            os.environ['OMP_NUM_THREADS'] = before


def _write_bag(settings: _Settings, layout: _Layout, name: str) -> None:
    number, positive = layout.identity(name)
    bag = settings.simulate(number, positive)
    for path, data in layout.annotations(name, bag).items():
        atomic_write(path, data)
    if settings.items_removed:
        bag = settings.simulate(number, positive, with_items=False)
    quality = [cv2.IMWRITE_JPEG_QUALITY, bag.scanner.jpeg_quality]
    _, encoded = cv2.imencode('.jpg', bag.image[..., ::-1], quality)
    # Write the image last: if it exists, the bag is complete.
    atomic_write(layout.image(name), encoded.tobytes())
