"""Simulated sets in the layout of SIXray's release.

    JPEGImage/P00001.jpg, N00001.jpg...
    Annotation/P00001.xml...
    ImageSet/10/train.csv, test.csv
    simulation.json

Positives (P) hold items, negatives (N) none. Boxes in the XML are 0-based, as the release's are.
"""

import csv
import json
import multiprocessing
import os
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2

from .bag import SIMULATOR_VERSION, Bag, simulate_bag
from .items import CLASSES

# The order of the release's csv files.
_COLUMNS = ('Gun', 'Knife', 'Wrench', 'Pliers', 'Scissors')
_PARAMETERS_FILE = 'simulation.json'
_JPEG_QUALITY = 92
_CHUNK = 8


class _Settings(NamedTuple):
    folder: Path
    seed: int
    image_size: tuple[int, int] | None
    crowding: str


def write_sixray(
    dst: str | Path,
    train: int,
    test: int,
    negatives: int = 0,
    seed: int = 0,
    workers: int = 0,
    image_size: tuple[int, int] | None = None,
    crowding: str = 'typical',
) -> int:
    """Simulates a set of bags in SIXray's layout, or finishes one that was begun.

    Image P00001 of a seed is the same whatever the counts and the number of workers. Positives
    1..train are the training list and the next `test` the test list; negatives are dealt out in the
    same proportion, the first to training, rounded. Images that are there already are kept.

    Args:
        train, test: Bags with items in each list.
        negatives: Bags without items, in both lists together.
        workers: Processes; with 0 all is done in this one.
        image_size: (h, w) in pixels; without it each bag has a size of its own.
        crowding: A key of CROWDING.

    Returns:
        How many images were simulated, those found not counted.

    Raises:
        ValueError: A count is negative, there are no positives, the crowding is unknown, the images
            are too small, or the folder holds something else.
    """
    if min(train, test, negatives, workers) < 0 or train + test < 1:
        raise ValueError(
            f'train={train}, test={test}, negatives={negatives}, workers={workers}: '
            'none may be negative, and train + test must be 1 or more'
        )
    settings = _Settings(Path(dst), seed, image_size, crowding)
    # The first bag shows whether the settings are sound, before anything is written.
    simulate_bag(seed, 2, image_size, crowding)
    parameters = {
        'simulator': SIMULATOR_VERSION,
        'layout': 'sixray',
        'train': train,
        'test': test,
        'negatives': negatives,
        'seed': seed,
        'image_size': list(image_size) if image_size else None,
        'crowding': crowding,
    }
    _claim(settings.folder, parameters)
    for name in ('JPEGImage', 'Annotation', 'ImageSet/10'):
        (settings.folder / name).mkdir(parents=True, exist_ok=True)

    split = round(negatives * train / (train + test))
    positives_names = [f'P{i:05d}' for i in range(1, train + test + 1)]
    negatives_names = [f'N{i:05d}' for i in range(1, negatives + 1)]
    lists = {
        'train': positives_names[:train] + negatives_names[:split],
        'test': positives_names[train:] + negatives_names[split:],
    }
    missing = [
        name for name in lists['train'] + lists['test'] if not _image(settings, name).exists()
    ]
    _simulate_all(settings, missing, workers)
    for part, names in lists.items():
        _write_list(settings, part, names)
    return len(missing)


def _claim(folder: Path, parameters: dict[str, object]) -> None:
    """Notes the parameters in a new folder, or makes sure that an old one has the same."""
    note = folder / _PARAMETERS_FILE
    if folder.exists() and not folder.is_dir():
        raise ValueError(f'{folder} is a file: name a folder')
    if folder.exists() and any(folder.iterdir()):
        try:
            same = json.loads(note.read_text()) == parameters
        except (FileNotFoundError, json.JSONDecodeError):
            same = False
        if not same:
            raise ValueError(
                f'{folder} is not empty and no simulated set of these parameters '
                f'({_PARAMETERS_FILE} tells): delete it or name another folder'
            )
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(parameters, indent=1) + '\n')


def _image(settings: _Settings, name: str) -> Path:
    return settings.folder / 'JPEGImage' / f'{name}.jpg'


def _annotation(settings: _Settings, name: str) -> Path:
    return settings.folder / 'Annotation' / f'{name}.xml'


def _simulate_all(settings: _Settings, names: list[str], workers: int) -> None:
    from rich.progress import track

    write = partial(_write_bag, settings)
    with _mapper(workers) as mapper:
        for _ in track(mapper(write, names), 'Simulating bags', total=len(names)):
            pass


@contextmanager
def _mapper(
    workers: int,
) -> Iterator[Callable[[Callable[[str], None], list[str]], Iterable[None]]]:
    if workers == 0:
        yield map
        return
    # Not forked: the caller may hold threads of torch or OpenCV.
    with multiprocessing.get_context('spawn').Pool(workers, cv2.setNumThreads, (1,)) as pool:
        yield partial(pool.imap_unordered, chunksize=_CHUNK)


def _write_bag(settings: _Settings, name: str) -> None:
    kind, number = name[0], int(name[1:])
    # Even numbers are the positives', odd ones the negatives': no two bags of a set share one.
    index = 2 * number + (kind == 'N')
    bag = simulate_bag(
        settings.seed, index, settings.image_size, settings.crowding, with_items=kind == 'P'
    )
    if kind == 'P':
        _write_whole(_annotation(settings, name), _xml(name, bag))
    _, data = cv2.imencode('.jpg', bag.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    # The image comes last: where it stands, the bag is complete.
    _write_whole(_image(settings, name), data.tobytes())


def _write_whole(path: Path, data: bytes) -> None:
    """Writes a file that is there in full or not at all, also when the process is killed."""
    unfinished = path.with_suffix('.part')
    unfinished.write_bytes(data)
    os.replace(unfinished, path)


def _xml(name: str, bag: Bag) -> bytes:
    height, width, depth = bag.image.shape
    root = ET.Element('annotation')
    ET.SubElement(root, 'folder').text = 'JPEGImage'
    ET.SubElement(root, 'filename').text = f'{name}.jpg'
    size = ET.SubElement(root, 'size')
    for key, value in (('width', width), ('height', height), ('depth', depth)):
        ET.SubElement(size, key).text = str(value)
    for label, box in zip(bag.labels, bag.boxes, strict=True):
        thing = ET.SubElement(root, 'object')
        ET.SubElement(thing, 'name').text = CLASSES[label]
        ET.SubElement(thing, 'difficult').text = '0'
        bounds = ET.SubElement(thing, 'bndbox')
        for key, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), box, strict=True):
            ET.SubElement(bounds, key).text = f'{value:.3f}'
    ET.indent(root, '\t')
    return ET.tostring(root)


def _write_list(settings: _Settings, part: str, names: list[str]) -> None:
    with open(settings.folder / 'ImageSet' / '10' / f'{part}.csv', 'w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(('name', *_COLUMNS))
        for name in names:
            present = _classes_of(settings, name)
            writer.writerow((name, *(1 if column in present else -1 for column in _COLUMNS)))


def _classes_of(settings: _Settings, name: str) -> set[str | None]:
    if name.startswith('N'):
        return set()
    return {
        thing.findtext('name') for thing in ET.parse(_annotation(settings, name)).iter('object')
    }
