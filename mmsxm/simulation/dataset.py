"""Simulated sets in the layouts of public ones.

A set says in `simulation.json` how it was made. An image of a seed is the same whatever the counts
and the number of processes, and a set that was broken off goes on where it stopped.
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
# Few enough that no process waits long for the last ones, enough that handing them out costs
# nothing beside simulating them.
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
        # Even numbers are the positives', odd ones the negatives': no two bags of a set share one.
        return simulate_bag(
            self.seed,
            2 * number + (not positive),
            self.image_size,
            self.crowding,
            positive and with_items,
            self.site,
            self.scanner,
        )

    def note(self) -> dict[str, object]:
        """The settings in full: what a name stands for may change."""
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
    """Simulate a set in SIXray's layout (see `sixray_layout`), or finish one that was begun.

    Positives 1..train are the training list and the next `test` the test list. Images that are
    there already are kept.

    Args:
        train, test: Images with items in each list.
        negatives: Images without items, in both lists together, dealt out in the same proportion
            and the first to training; all is in `ImageSet/10`.
        workers: Processes; with 0 all is done in this one.
        image_size: (h, w) in pixels; without it each image has a size of its scanner's.
        crowding: A key of CROWDING, or one's own.
        scanner: A key of SCANNERS, or scanners that take turns.
        lists: For each R of them `ImageSet/R` has R negatives for each positive of a list, and a
            larger R has those of a smaller one. As many negatives are simulated as the largest
            needs.
        items_removed: Leave the items out of the pictures, and nothing else: lists and boxes are
            as ever. What a network still learns of the labels, the rest of the bag has told it.

    Returns:
        How many images were simulated, those found not counted.

    Raises:
        ValueError: A count or the seed is negative, there are no positives, a name is unknown,
            `negatives` and `lists` are both given, the images are too small, or the folder holds
            something else.
    """
    _check_counts(train=train, test=test, negatives=negatives, workers=workers)
    if negatives and lists:
        raise ValueError(
            f'negatives={negatives} and lists={list(lists)} are both given: a list has as many '
            'negatives as its name says, so give only one of the two'
        )
    if min(lists, default=1) < 1:
        raise ValueError(f'lists={list(lists)}: negatives for each positive must be 1 or more')
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
    """Simulate a set in OPIXray's layout (see `opixray_layout`), or finish one that was begun.

    Args:
        train, test: Images in each list.

    The other arguments, what is returned and the errors are those of `write_sixray`.
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
        named = ', '.join(f'{name}={count}' for name, count in counts.items())
        raise ValueError(f'{named}: none may be negative, and train + test must be 1 or more')


def _claim(dst: str | Path, settings: _Settings, **counts: int | list[int]) -> Path:
    """Note the parameters in a new folder, or make sure that an old one has the same."""
    # The first bag shows whether the settings are sound, before anything is written.
    settings.simulate(1)
    parameters = json.dumps({**settings.note(), **counts}, indent=1) + '\n'
    folder = Path(dst)
    note = folder / PARAMETERS_FILE
    if folder.exists() and not folder.is_dir():
        raise ValueError(f'{folder} is a file: name a folder')
    known = note.exists() and note.read_text() == parameters
    if folder.exists() and any(folder.iterdir()) and not known:
        raise ValueError(
            f'{folder} is not empty and no simulated set of these parameters '
            f'({PARAMETERS_FILE} tells): delete it or name another folder'
        )
    atomic_write(note, parameters.encode())
    return folder


def _simulate_all(settings: _Settings, layout: _Layout, names: list[str], workers: int) -> int:
    """Write the images that are missing, and say how many they were."""
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
    # Not forked: the caller may hold threads of torch or OpenCV.
    context = multiprocessing.get_context('spawn')
    with _one_thread_each():
        pool = context.Pool(workers, cv2.setNumThreads, (1,))
    with pool:
        yield partial(pool.imap_unordered, chunksize=_CHUNK)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let NumPy use one thread in processes that start meanwhile, which share the cores.

    Its matrix products would start one for each core in each of them, and take longer.
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
    # The image comes last: where it stands, the bag is complete.
    atomic_write(layout.image(name), encoded.tobytes())
