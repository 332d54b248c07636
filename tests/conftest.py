"""Fixtures of all tests: one thread, real images if available, and a tiny simulated dataset."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ['CUDA_VISIBLE_DEVICES'] = ''  # also where there is one: numbers are the CPU's

from mmsxm.doctor import installed_versions, is_station

IS_STATION = is_station(installed_versions())  # make test-station
if not IS_STATION:
    from mmsxm import registry  # noqa: F401  mmpretrain may need our repairs to be imported at all

# what a user has exported for configs is none of the tests' business
VARIABLES = (
    'SIXRAY_ROOT SIXRAY_SET OPIXRAY_ROOT OWN_ROOT OWN_LAYOUT OWN_CLASSES DEMO_ROOT META_LABELS '
    'PRETRAINED PRETRAINED_RESNET101 THREAT_BANK MMSXM_CONFIGS'
)
for variable in VARIABLES.split():
    os.environ.pop(variable, None)

ROOT = Path(__file__).resolve().parents[1]

# what these tests run imports neither mmengine nor mmcv nor mmpretrain; the readers that tests/fuzz
# damages files for import them, but parse with libraries that both stacks share
STACK_INDEPENDENT = (
    'fuzz/',
    'test_docs_tools/',
    'test_imaging/test_images.py',
    'test_imaging/test_material_bands.py',
    'test_imaging/test_near_duplicates.py',
    'test_imaging/test_regions.py',
    'test_inference/test_records.py',
    'test_inference/test_verdict_picture.py',
    'test_io/',
    'test_launchers.py',
    'test_package.py',
    'test_project_files.py',
    'test_review/test_cases.py',
    'test_review/test_decision_log.py',
    'test_review/test_payloads.py',
    'test_review/test_pictures.py',
    'test_review/test_session.py',
    'test_review/test_worklist.py',
    'test_screening/test_image_sources.py',
    'test_screening/test_results.py',
    'test_serving/test_request_guard.py',
    'test_simulation/test_bag.py',
    'test_simulation/test_clutter.py',
    'test_simulation/test_coverage.py',
    'test_simulation/test_items.py',
    'test_simulation/test_physics.py',
    'test_simulation/test_shapes.py',
    'test_visualization/test_bars.py',
)

# what a station runs is tested without PyTorch and the stacks, too: make test-station
STATION = (
    'test_doctor.py',
    'test_imaging/test_dicom.py',
    'test_imaging/test_images.py',
    'test_imaging/test_material_bands.py',
    'test_imaging/test_near_duplicates.py',
    'test_imaging/test_percentile_window.py',
    'test_imaging/test_pixel_mapping.py',
    'test_imaging/test_plain_images.py',
    'test_imaging/test_regions.py',
    'test_inference/test_records.py',
    'test_inference/test_verdict_picture.py',
    'test_io/',
    'test_review/test_app.py',
    'test_review/test_cases.py',
    'test_review/test_decision_log.py',
    'test_review/test_payloads.py',
    'test_review/test_pictures.py',
    'test_review/test_server.py',
    'test_review/test_session.py',
    'test_review/test_worklist.py',
    'test_screening/',
    'test_serving/test_access.py',
    'test_serving/test_app.py',
    'test_serving/test_batcher.py',
    'test_serving/test_decoder.py',
    'test_serving/test_request_guard.py',
    'test_serving/test_schema.py',
    'test_serving/test_service.py',
    'test_serving/test_uploads.py',
)


@pytest.fixture(scope='session', autouse=True)
def _one_thread() -> None:
    """Use one thread, so that results are equal bit by bit and workers do not compete for cores."""
    import cv2

    os.environ['OMP_NUM_THREADS'] = '1'  # for the processes that tests start
    cv2.setNumThreads(0)
    if not IS_STATION:
        import torch

        torch.set_num_threads(1)


@pytest.fixture(scope='session')
def real_data() -> Path:
    """Return the folder of real bags next to the project."""
    path = ROOT.parent / 'shared' / 'data'
    if not path.is_dir():
        pytest.skip(f'needs real images in {path}')
    return path


@pytest.fixture(scope='session')
def simulate(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that writes small, sparse bags in SIXray's layout, once per arguments."""
    from mmsxm.simulation import write_sixray

    written: dict[tuple, Path] = {}

    def write(train: int, test: int, negatives: int = 0, size: int = 96) -> Path:
        key = (train, test, negatives, size)
        if key not in written:
            written[key] = tmp_path_factory.mktemp('sixray') / 'set'
            write_sixray(
                written[key],
                train=train,
                test=test,
                negatives=negatives,
                image_size=(size, size),
                crowding='sparse',
            )
        return written[key]

    return write


@pytest.fixture(scope='session')
def own_data(
    simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Write the same simulated bags in SIXray's layout and in each layout of docs/own_data.md."""
    from mmsxm.datasets import SIXray

    source = simulate(train=16, test=7, negatives=5, size=80)
    root = tmp_path_factory.mktemp('own')
    folders = {'coco': 'images', 'voc': 'JPEGImages', 'csv': 'images', 'yolo': 'images'}
    for layout, images in folders.items():
        (root / layout).mkdir()
        (root / layout / images).symlink_to(source / 'JPEGImage')
    (root / 'voc/Annotations').mkdir()
    for split, of in (('train', 'train'), ('val', 'test'), ('test', 'test')):
        bags = [{**info} for info in SIXray(str(source), split=of, test_mode=True)]
        writers = {'coco': write_coco, 'voc': write_voc, 'csv': write_csv, 'yolo': write_yolo}
        for layout, write in writers.items():
            write(root / layout, split, bags, SIXray.METAINFO['classes'])
    return {'sixray': source, **{layout: root / layout for layout in folders}}


def write_coco(root: Path, split: str, bags: list[dict], classes: tuple[str, ...]) -> None:
    images, annotations = [], []
    for number, bag in enumerate(bags):
        images.append({'id': number, 'file_name': Path(bag['img_path']).name})
        for item in bag['instances']:
            x1, y1, x2, y2 = item['bbox']
            annotations.append(
                {
                    'id': len(annotations),
                    'image_id': number,
                    'category_id': item['bbox_label'] + 1,
                    'bbox': [x1, y1, x2 - x1, y2 - y1],
                }
            )
    categories = [{'id': i, 'name': name} for i, name in enumerate(classes, start=1)]
    path = root / 'annotations' / f'{split}.json'
    path.parent.mkdir(exist_ok=True)
    content = {'images': images, 'annotations': annotations, 'categories': categories}
    path.write_text(json.dumps(content))


def write_voc(root: Path, split: str, bags: list[dict], classes: tuple[str, ...]) -> None:
    for bag in bags:
        objects = ''.join(
            f'<object><name>{classes[item["bbox_label"]]}</name><bndbox>'
            + ''.join(
                f'<{corner}>{value}</{corner}>'
                for corner, value in zip(
                    ('xmin', 'ymin', 'xmax', 'ymax'), item['bbox'], strict=True
                )
            )
            + '</bndbox></object>'
            for item in bag['instances']
        )
        path = root / 'Annotations' / f'{bag["img_id"]}.xml'
        path.write_text(f'<annotation>{objects}</annotation>')
    path = root / 'ImageSets/Main' / f'{split}.txt'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(f'{bag["img_id"]}\n' for bag in bags))


def write_csv(root: Path, split: str, bags: list[dict], classes: tuple[str, ...]) -> None:
    with open(root / f'{split}.csv', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(('image', 'label', 'x1', 'y1', 'x2', 'y2'))
        for bag in bags:
            name = Path(bag['img_path']).name
            for item in bag['instances']:
                writer.writerow((name, classes[item['bbox_label']], *item['bbox']))
            if not bag['instances']:
                writer.writerow((name, '', '', '', '', ''))


def write_yolo(root: Path, split: str, bags: list[dict], classes: tuple[str, ...]) -> None:
    """Write lists and text files with six decimals, as most tools do."""
    from mmsxm.imaging.images import read_size

    (root / 'labels').mkdir(exist_ok=True)
    for bag in bags:
        height, width = read_size(bag['img_path'])
        lines = []
        for item in bag['instances']:
            x1, y1, x2, y2 = item['bbox']
            center_and_size = (
                (x1 + x2) / 2 / width,
                (y1 + y2) / 2 / height,
                (x2 - x1) / width,
                (y2 - y1) / height,
            )
            numbers = ' '.join(f'{value:.6f}' for value in center_and_size)
            lines.append(f'{item["bbox_label"]} {numbers}\n')
        (root / 'labels' / f'{Path(bag["img_path"]).stem}.txt').write_text(''.join(lines))
    names = [f'./images/{Path(bag["img_path"]).name}\n' for bag in bags]
    (root / f'{split}.txt').write_text(''.join(names))
    entries = ''.join(f'{name}: {name}.txt\n' for name in ('train', 'val', 'test'))
    (root / 'data.yaml').write_text(f'path: .\n{entries}names: [{", ".join(classes)}]\n')


@pytest.fixture
def scope() -> None:
    """Allow the plain names of types in mmpretrain, mmcv and mmengine, as in configs."""
    from mmengine.registry import init_default_scope

    from mmsxm import datasets, engine, evaluation, models  # noqa: F401

    init_default_scope('mmpretrain')


def pytest_configure() -> None:
    """Stop if a listed file was moved: its tests would be left out without a message."""
    listed = (*STACK_INDEPENDENT, *STATION)
    if missing := [place for place in listed if not (ROOT / 'tests' / place).exists()]:
        raise pytest.UsageError(f'tests/conftest.py lists {", ".join(missing)}, which do not exist')


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out the tests that import PyTorch where it is not installed."""
    if not IS_STATION or not collection_path.name.startswith('test_') or collection_path.is_dir():
        return None
    place = collection_path.relative_to(ROOT / 'tests').as_posix()
    return None if place.startswith(STATION) else True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say so if tests were left out."""
    if IS_STATION:
        terminalreporter.write_line('without PyTorch: only the tests of what a station runs')


RUN_OPENVINO = ('test_export.py', 'test_exported.py', 'test_int8_export.py')


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that do not depend on the stack, and run those with OpenVINO last.

    Its threads do not survive the forks of later data loaders.
    """
    for item in items:
        if item.path.relative_to(ROOT / 'tests').as_posix().startswith(STACK_INDEPENDENT):
            item.add_marker('stack_independent')
    items.sort(key=lambda item: item.path.name in RUN_OPENVINO)
