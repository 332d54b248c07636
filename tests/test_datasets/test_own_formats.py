"""The same bags in all formats of docs/own_data.md."""

import json
import random
from pathlib import Path

import pytest
from PIL import Image

from mmsxm.datasets import CocoXray, CsvXray, DatumaroXray, VocXray, XrayDataset, YoloXray
from mmsxm.engine.hooks.dataset_fingerprint import data_digest

CLASSES = ['Gun', 'Messer äö']
FOLDERS = {
    'coco': 'images',
    'datumaro': 'images',
    'csv': 'images',
    'yolo': 'images',
    'voc': 'JPEGImages',
}

Bag = tuple[str, tuple[int, int], list[tuple[int, tuple[int, int, int, int]]]]


@pytest.fixture(scope='module')
def bags() -> list[Bag]:
    """Names, sizes (w, h) and objects of bags, with integer boxes; each fourth is harmless."""
    rng = random.Random(0)
    found: list[Bag] = []
    for number in range(24):
        width, height = rng.randint(300, 4999), rng.randint(200, 3001)
        objects = []
        for _ in range(rng.randint(1, 4) if number % 4 else 0):
            x1, y1 = rng.randrange(width - 1), rng.randrange(height - 1)
            corners = (x1, y1, rng.randint(x1 + 1, width), rng.randint(y1 + 1, height))
            objects.append((rng.randrange(2), corners))
        found.append((f'train/{number % 3}/Gepäck {number:02}.png', (width, height), objects))
    return sorted(found)


@pytest.fixture(scope='module')
def root(bags: list[Bag], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the bags in all formats."""
    root = tmp_path_factory.mktemp('formats')
    for name, size, _ in bags:
        path = root / 'pictures' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('1', size).save(path)
    for layout, folder in FOLDERS.items():
        (root / layout).mkdir()
        (root / layout / folder).symlink_to(root / 'pictures')
    write_coco(root / 'coco/train.json', bags)
    short = [(name.removeprefix('train/'), size, objects) for name, size, objects in bags]
    (root / 'datumaro/annotations').mkdir()
    write_coco(root / 'datumaro/annotations/instances_train.json', short)
    rows = ['image,label,x1,y1,x2,y2']
    for name, _, objects in bags:
        rows += [f'{name},{CLASSES[c]},{",".join(map(str, box))}' for c, box in objects]
        rows += [] if objects else [f'{name},,,,,']
    (root / 'csv/train.csv').write_text('\n'.join(rows), encoding='utf-8')
    write_voc(root / 'voc', bags)
    write_yolo(root / 'yolo', bags)
    return root


def write_coco(path: Path, bags: list[Bag]) -> None:
    images = [
        {'id': number, 'file_name': name, 'width': width, 'height': height}
        for number, (name, (width, height), _) in enumerate(bags)
    ]
    annotations = [
        {'id': 0, 'image_id': number, 'category_id': c + 1, 'bbox': [x1, y1, x2 - x1, y2 - y1]}
        for number, (_, _, objects) in enumerate(bags)
        for c, (x1, y1, x2, y2) in objects
    ]
    for number, item in enumerate(annotations, start=1):
        item['id'] = number
    categories = [{'id': i, 'name': name} for i, name in enumerate(CLASSES, start=1)]
    content = {'images': images, 'annotations': annotations, 'categories': categories}
    path.write_text(json.dumps(content), encoding='utf-8')


def write_voc(root: Path, bags: list[Bag]) -> None:
    (root / 'ImageSets/Main').mkdir(parents=True)
    for name, _, objects in bags:
        items = ''.join(
            f'<object><name>{CLASSES[c]}</name><bndbox>'
            + ''.join(
                f'<{corner}>{value}</{corner}>'
                for corner, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), box, strict=True)
            )
            + '</bndbox></object>'
            for c, box in objects
        )
        path = (root / 'Annotations' / name).with_suffix('.xml')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'<annotation>{items}</annotation>', encoding='utf-8')
    names = '\n'.join(name for name, _, _ in bags)
    (root / 'ImageSets/Main/train.txt').write_text(names, encoding='utf-8')


def write_yolo(root: Path, bags: list[Bag]) -> None:
    for name, (width, height), objects in bags:
        lines = [
            f'{c} {(x1 + x2) / 2 / width:.6f} {(y1 + y2) / 2 / height:.6f} '
            f'{(x2 - x1) / width:.6f} {(y2 - y1) / height:.6f}'
            for c, (x1, y1, x2, y2) in objects
        ]
        path = (root / 'labels' / name).with_suffix('.txt')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('\n'.join(lines))
    names = ', '.join(CLASSES)
    text = f'train: images/train\nnames: [{names}]\n'
    (root / 'data.yaml').write_text(text, encoding='utf-8')


def load(root: Path, layout: str) -> XrayDataset:
    settings = {'metainfo': {'classes': CLASSES}, 'strict': True, 'serialize_data': False}
    place = str(root / layout)
    images = {'img_path': 'images'}
    if layout == 'coco':
        return CocoXray(ann_file='train.json', data_root=place, data_prefix=images, **settings)
    if layout == 'csv':
        return CsvXray(ann_file='train.csv', data_root=place, data_prefix=images, **settings)
    kind = {'voc': VocXray, 'yolo': YoloXray, 'datumaro': DatumaroXray}[layout]
    return kind(place, split='train', **settings)


def test_all_formats_give_the_same_digest_of_names_labels_and_boxes(
    root: Path, bags: list[Bag]
) -> None:
    datasets = {layout: load(root, layout) for layout in FOLDERS}
    for dataset in datasets.values():
        assert len(dataset) == len(bags)
        info = dataset.get_data_info(len(bags) - 1)
        assert info['img_id'] == bags[-1][0].removesuffix('.png')
        assert info['instances'] == [
            {'bbox': list(map(float, box)), 'bbox_label': c} for c, box in bags[-1][2]
        ]
    digests = {layout: data_digest(dataset) for layout, dataset in datasets.items()}
    assert len(set(digests.values())) == 1, digests


def test_another_box_gives_another_digest(root: Path) -> None:
    before = data_digest(load(root, 'csv'))
    rows = (root / 'csv/train.csv').read_text(encoding='utf-8')
    *cells, last = next(row for row in rows.splitlines()[1:] if row[-1] != ',').split(',')
    changed = rows.replace(','.join([*cells, last]), ','.join([*cells, f'{last}.5']), 1)
    (root / 'csv/train.csv').write_text(changed, encoding='utf-8')
    assert changed != rows
    assert data_digest(load(root, 'csv')) != before
