"""Files, folders and requests from attackers (see docs/reliability.md).

Each kind of error that tests/fuzz found is included as its smallest case.
"""

import csv
import json
import os
import re
import runpy
import struct
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.runner import CheckpointLoader
from PIL import EpsImagePlugin, Image

from mmsxm.datasets import SIXray, VocXray
from mmsxm.datasets.loading_report import ProblemCounts
from mmsxm.datasets.meta_label_file import read_meta_labels
from mmsxm.datasets.prepared_copy import NOTE, read_copy_note
from mmsxm.datasets.sixray import read_voc_objects
from mmsxm.datasets.threat_bank_file import Threat, ThreatBank
from mmsxm.engine.checkpoints import latest_checkpoint, missing_keys
from mmsxm.evaluation.grouped_average_precision import read_groups
from mmsxm.evaluation.score_table import read_scores
from mmsxm.imaging.images import ImageError, list_images, read_image
from mmsxm.imaging.preprocessing import Preprocessing
from mmsxm.inference.backends import ModelInfo
from mmsxm.inference.backends.exported import (
    describe,
    known_outputs,
    read_description,
    to_prediction,
)
from mmsxm.inference.calibration import Calibration
from mmsxm.inference.inferencer import XrayInferencer
from mmsxm.io.files import sha256_or_none
from mmsxm.io.safe_parsing import parse_json, printable
from mmsxm.preparing.copies import prepare_data
from mmsxm.preparing.manifest import MANIFEST
from mmsxm.reproduction.run_record import read_epochs
from mmsxm.review.decision_log import read_decisions
from mmsxm.review.session import Session
from mmsxm.screening.image_sources import find_paths
from mmsxm.screening.results import Results, write_table

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs' / 'demo' / 'sxmnet_stage2.py'
TEACHER = ROOT / 'configs' / 'baselines' / 'chr_resnet18_sixray.py'
CLASSES = ('Gun', 'Knife')
INFO = ModelInfo('net', CLASSES, Preprocessing((8, 8)), Calibration.default(CLASSES), 'a' * 64)

# ---------------------------------------------------------------------------- checkpoints


class Code:
    """Object that pickles as a command, which unpickling runs."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return os.system, (f'touch {self.marker}',)


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Path]:
    """Checkpoint that contains code. Check that the code was not run."""
    path, marker = tmp_path / 'trap.pth', tmp_path / 'marker'
    torch.save({'state_dict': {'a': torch.zeros(2)}, 'meta': {'epoch': Code(marker)}}, path)
    yield path
    assert not marker.exists()


TRAINING_CONFIG = """
_base_ = '{base}'
work_dir = '{work_dir}'
log_level = 'ERROR'
model = dict(
    backbone=dict(init_cfg=dict(_delete_=True, type='Pretrained', checkpoint='{trap}')))
"""
COMMANDS: dict[str, list[str]] = {
    'train --resume': ['train.py', '{config}', '--resume', '{trap}'],
    'train from load_from': ['train.py', '{config}', '--cfg-options', 'load_from={trap}'],
    'train on pretrained weights': ['train.py', '{config}', '--cfg-options', 'load_from=None'],
    'test': ['test.py', '{config}', '{trap}'],
    'export': ['export.py', '{config}', '{trap}', '{out}.onnx', '--format', 'onnx'],
    'calibrate': ['calibrate.py', '{config}', '{trap}', '--loader', 'test', '--best-f1'],
    'publish': ['publish_model.py', '{trap}', '{out}.pth'],
    'convert': ['convert_weights.py', '{config}', '{trap}', '{out}.pth'],
    'meta-labels': ['generate_meta_labels.py', '{teacher}', '{trap}', '{out}.json'],
}


@pytest.mark.parametrize('command', COMMANDS)
def test_no_command_runs_code_in_a_checkpoint(
    command: str,
    trap: Path,
    simulate: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = {'trap': trap, 'out': tmp_path / 'out'}
    for name, base in (('config', CONFIG), ('teacher', TEACHER)):
        paths[name] = tmp_path / f'{name}.py'
        paths[name].write_text(
            TRAINING_CONFIG.format(base=base, work_dir=tmp_path / 'work', trap=trap)
        )
    tool, *args = (arg.format(**paths) for arg in COMMANDS[command])
    monkeypatch.setenv('DEMO_ROOT', str(simulate(2, 2)))
    monkeypatch.setenv('SIXRAY_ROOT', str(simulate(2, 2)))
    monkeypatch.setattr(sys, 'argv', [tool, *args])
    with pytest.raises(SystemExit):
        runpy.run_path(str(ROOT / 'tools' / tool), run_name='__main__')
    assert 'trap.pth is refused' in capsys.readouterr().err


def test_the_inferencer_does_not_run_code_in_a_checkpoint(trap: Path) -> None:
    with pytest.raises(ValueError, match=r'trap\.pth is refused'):
        XrayInferencer(CONFIG, trap)


@pytest.mark.parametrize(
    'address', ['openmmlab://resnet50', 'mmcls://vgg11', 's3://bucket/a.pth', 'pavi://a']
)
def test_addresses_that_mmengine_loads_unsafely_are_rejected(address: str) -> None:
    with pytest.raises(ValueError, match=f'{address} is refused'):
        CheckpointLoader.load_checkpoint(address)


@pytest.mark.parametrize(
    'content', [[1], torch.ones(2), {'state_dict': [1]}, {'meta': 'a'}, {'state_dict': {1: 2}}]
)
def test_other_files_are_rejected_as_checkpoints(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'other\.pth is not a checkpoint'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'other.pth'))


@pytest.mark.parametrize(
    'pickled',
    [
        b'\x80\x02K\x01h\x05.',  # gets a memo entry that was never stored: KeyError
        b'\x80\x02.',  # takes from an empty stack: IndexError
        b'\x80\x02]}s.',  # sets an item without a dict: IndexError
        b'\x80\x02ccollections\nOrderedDict\nK\x01R.',  # wrong arguments: TypeError
    ],
)
def test_a_checkpoint_with_damaged_content_is_reported(pickled: bytes, tmp_path: Path) -> None:
    torch.save({}, tmp_path / 'whole.pth')
    path = tmp_path / 'damaged.pth'
    with zipfile.ZipFile(tmp_path / 'whole.pth') as whole, zipfile.ZipFile(path, 'w') as damaged:
        for name in whole.namelist():
            content = pickled if name.endswith('data.pkl') else whole.read(name)
            damaged.writestr(name, content)
    with pytest.raises(ValueError, match=r'damaged\.pth .*(damaged or was cut off|is refused)'):
        CheckpointLoader.load_checkpoint(str(path))


class Type:
    """Object that pickles as a NumPy type with a given state."""

    def __init__(self, code: str, *state: object) -> None:
        self.code, self.state = code, state

    def __reduce__(self) -> tuple:
        return np.dtype, (self.code, False, True), self.state


@pytest.mark.parametrize(
    'value',
    [
        # the state lacks a None: a segmentation fault
        pytest.param(Type('f8', 3, '<', None, -1, -1, 0), id='incomplete-type'),
        # bytes as pointers
        pytest.param(
            Type('V8', 3, '|', None, ('a',), {'a': (np.dtype('O'), 0)}, 8, 1, 0), id='object-field'
        ),
        pytest.param(np.dtype('O'), id='type'),
        pytest.param(np.array(['a']), id='text'),
        pytest.param(np.array([None]), id='objects'),
        pytest.param(np.array([(1, 2.0)], dtype='i4,f8'), id='fields'),
    ],
)
def test_arrays_of_other_types_than_numbers_are_rejected(value: object, tmp_path: Path) -> None:
    """NumPy trusts the state in a pickle, which can crash the process."""
    torch.save({'meta': {'value': value}}, tmp_path / 'arrays.pth')
    with pytest.raises(ValueError, match=r'arrays\.pth .*(damaged or was cut off|is refused)'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'arrays.pth'))


def test_shared_objects_are_converted_once(tmp_path: Path) -> None:
    """Nested lists that contain the same list twice, 60 deep, have 2^60 leaves."""
    content: Any = np.arange(3)
    for _ in range(60):
        content = [content, content]
    torch.save({'meta': {'content': content}}, tmp_path / 'many.pth')
    loaded = CheckpointLoader.load_checkpoint(str(tmp_path / 'many.pth'))['meta']['content']
    assert loaded[0] is loaded[1]


def test_last_checkpoint_can_contain_anything(tmp_path: Path) -> None:
    (tmp_path / 'epoch_2.pth').touch()
    for note, found in ((b'\xff\xfe', 'epoch_2.pth'), (b'a\0b', None), (b'x' * 9000, None)):
        (tmp_path / 'last_checkpoint').write_bytes(note)
        assert latest_checkpoint(tmp_path) == (str(tmp_path / found) if found else None)


def test_values_other_than_tensors_count_as_missing() -> None:
    model = torch.nn.Linear(2, 1)
    assert missing_keys(model, {'weight': 'a', 'bias': torch.ones(1)}) == ['weight']


# ---------------------------------------------------------------------------- exported networks


def described(**changes: Any) -> str:
    return json.dumps({**json.loads(describe(INFO)), **changes})


NUMBERS = {'slope': {'Gun': 1, 'Knife': 1}, 'offset': {'Gun': 0, 'Knife': 0}}


@pytest.mark.parametrize(
    'text',
    [
        '',
        '[' * 100_000,
        described(classes=[1, 2]),
        described(classes=['Gun', 'Gun']),
        described(name='\x1b[2J'),
        described(digest=None),
        described(preparation={'size': [8, 0]}),
        described(preparation={'size': [10**9, 10**9]}),
        described(preparation={'size': [8, 8], 'interpolation': 'fair'}),
        described(calibration={'thresholds': {'Gun': float('nan'), 'Knife': 0.5}, **NUMBERS}),
        described(calibration={'thresholds': {'Gun': 2, 'Knife': 0.5}, **NUMBERS}),
        described(calibration={'thresholds': {'Gun': 10**400, 'Knife': 0.5}, **NUMBERS}),
        described(calibration=[1]),
    ],
)
def test_a_network_with_invalid_metadata_is_rejected(text: str) -> None:
    """With a threshold that is nan or above 1, nothing would raise an alarm."""
    with pytest.raises(ValueError, match=r'net\.onnx has no valid mmsxm metadata'):
        read_description(text, 'net.onnx')


def test_a_network_with_unknown_inputs_or_outputs_is_rejected() -> None:
    outputs = ('scores', 'level_weights')
    assert known_outputs(['images'], outputs[::-1], 'net.onnx') == outputs
    for maps in ('attention_map', 'class_maps'):
        found = known_outputs(['images'], [maps, *outputs], 'net.onnx')
        assert found == (*outputs, maps)
    for other in (['scores'], [*outputs, 'more'], [*outputs, 'attention_map', 'class_maps'], []):
        with pytest.raises(ValueError, match=r'net\.onnx has other inputs and outputs'):
            known_outputs(['images'], other, 'net.onnx')


def test_outputs_with_unexpected_shapes_are_rejected() -> None:
    right = {
        'scores': np.zeros((2, 2), np.float32),
        'level_weights': np.zeros((2, 3), np.float32),
    }
    assert to_prediction(right, INFO, 2).attention_maps is None
    for wrong in (np.zeros((2, 5)), np.zeros(2), np.zeros((1, 2)), np.zeros((2, 2, 1))):
        with pytest.raises(ValueError, match=r'net returned .* for 2 images'):
            to_prediction(right | {'scores': wrong.astype(np.float32)}, INFO, 2)
    with pytest.raises(ValueError, match=r'net returned scores .* float64 for 2 images'):
        to_prediction(right | {'scores': np.zeros((2, 2))}, INFO, 2)
    for levels in range(9):
        weights = np.zeros((2, levels), np.float32)
        found = to_prediction(right | {'level_weights': weights}, INFO, 2)
        assert found.level_weights.shape == (2, levels)
    for shape in ((2, 9), (1, 3), (2,)):
        with pytest.raises(ValueError, match=r'net returned level_weights .* at most 8 levels'):
            to_prediction(right | {'level_weights': np.zeros(shape, np.float32)}, INFO, 2)
    fitting = {'attention_map': (2, 4, 6), 'class_maps': (2, 2, 4, 6)}
    for name, shape in fitting.items():
        maps = to_prediction(right | {name: np.zeros(shape, np.float32)}, INFO, 2).attention_maps
        assert maps is not None
        assert maps.shape == (2, 4, 6)
    wrong_shapes = ((2, 3, 4, 6), (1, 2, 4, 6), (2, 2, 0, 6), (3, 4, 6), (4, 6), (6,), ())
    for name, other in zip(fitting, reversed(fitting.values()), strict=True):
        for shape in (*wrong_shapes, other):
            with pytest.raises(ValueError, match=rf'net returned {name} .* for 2 images, but'):
                to_prediction(right | {name: np.zeros(shape, np.float32)}, INFO, 2)


# ---------------------------------------------------------------------------- annotations

VOC = '<a><object><name>Gun</name></object></a>'
LAUGHS = ''.join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "ha"}">' for i in range(10))


@pytest.mark.parametrize(
    'text',
    [
        f'<!DOCTYPE a [{LAUGHS}]><a>&l9;</a>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1:9/x"> %b;]><a/>',
        '<b>' * 5000 + VOC + '</b>' * 5000,
    ],
)
def test_xml_with_entities_or_deep_nesting_is_rejected(text: str, tmp_path: Path) -> None:
    (tmp_path / 'P1.xml').write_text(text)
    with pytest.raises(ValueError, match=r'P1\.xml is not readable XML'):
        read_voc_objects(str(tmp_path / 'P1.xml'))


def test_a_long_name_in_xml_is_parsed_in_one_pass(tmp_path: Path) -> None:
    """Older versions of expat parse it again for every 64 kB, which took ten times as long."""
    (tmp_path / 'P1.xml').write_text(f'<a b="{"x" * 20_000_000}">{VOC}</a>')
    start = time.process_time()
    assert [item.class_name for item in read_voc_objects(str(tmp_path / 'P1.xml'))] == ['Gun']
    assert time.process_time() - start < 10


def test_lists_cannot_name_files_outside_the_image_folder(tmp_path: Path) -> None:
    for folder in ('JPEGImage', 'ImageSet/10', 'Annotation'):
        (tmp_path / 'set' / folder).mkdir(parents=True)
    Image.new('RGB', (9, 9)).save(tmp_path / 'outside.jpg')
    Image.new('RGB', (9, 9)).save(tmp_path / 'set' / 'JPEGImage' / 'in.jpg')
    (tmp_path / 'outside.xml').write_text(VOC)
    rows = ['../../outside', str(tmp_path / 'outside.jpg'), '../JPEGImage/in.jpg', 'in\0', 'in']
    lines = [[name, 1, -1, -1, -1, -1] for name in rows]
    with open(tmp_path / 'set' / 'ImageSet' / '10' / 'train.csv', 'w', newline='') as file:
        csv.writer(file).writerows([['name', *SIXray.METAINFO['classes']], *lines])
    data_set = SIXray(str(tmp_path / 'set'))
    assert [Path(data_set.get_data_info(i)['img_path']).name for i in range(len(data_set))] == [
        'in.jpg'
    ]
    with pytest.raises(FileNotFoundError, match='missing images: 4'):
        SIXray(str(tmp_path / 'set'), strict=True)


def test_a_listed_name_that_is_too_long_for_a_file_is_a_missing_image(tmp_path: Path) -> None:
    for folder in ('JPEGImages', 'ImageSets/Main', 'Annotations'):
        (tmp_path / folder).mkdir(parents=True)
    Image.new('RGB', (9, 9)).save(tmp_path / 'JPEGImages' / 'P1.jpg')
    (tmp_path / 'Annotations' / 'P1.xml').write_text(VOC)
    (tmp_path / 'ImageSets' / 'Main' / 'train.txt').write_text('P1\n' + 'x' * 5000)
    settings = {'metainfo': {'classes': CLASSES}, 'serialize_data': False}
    assert len(VocXray(str(tmp_path), **settings)) == 1
    with pytest.raises(FileNotFoundError, match='missing images: 1'):
        VocXray(str(tmp_path), strict=True, **settings)


def test_an_oversized_image_with_boxes_is_skipped_and_reported(tmp_path: Path) -> None:
    """Pillow raises its own error for such sizes, which is not an OSError."""
    for folder in ('JPEGImage', 'ImageSet/10', 'Annotation'):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / 'JPEGImage' / 'P1.png').write_bytes(png(50_000, 50_000))
    Image.new('RGB', (9, 9)).save(tmp_path / 'JPEGImage' / 'P2.jpg')
    header = ','.join(('name', *SIXray.METAINFO['classes']))
    lines = [header, 'P1,1,0,0,0,0', 'P2,1,0,0,0,0']
    (tmp_path / 'ImageSet' / '10' / 'train.csv').write_text('\n'.join(lines))
    (tmp_path / 'Annotation' / 'P1.xml').write_text(VOC)
    assert len(SIXray(str(tmp_path))) == 1
    with pytest.raises(ValueError, match=r'unreadable: 1 .*P1\.png: 50000 x 50000'):
        SIXray(str(tmp_path), strict=True)


@pytest.mark.parametrize(
    ('read', 'name', 'text'),
    [
        (read_meta_labels, 'labels.json', '[' * 100_000),
        (read_meta_labels, 'labels.json', '{"a": ' + '9' * 5000 + '}'),
        (
            read_meta_labels,
            'labels.json',
            '{"head": {"teacher": "", "checkpoint_sha256": "", "dataset": "", "list_file": "", '
            '"list_sha256": "", "classes": []}, "images": '
            '{"P1": {"level": 0, "losses": [1' + '0' * 400 + ', 1, 1]}}}',
        ),
        (
            lambda path: read_copy_note(path.parent),
            NOTE,
            '{"format": 1, "layout": "x", "size": "9"}',
        ),
        (lambda path: read_copy_note(path.parent), NOTE, '{"a":' * 50_000),
        (lambda path: read_groups(path, 'look'), 'groups.csv', 'look,name\nwhite\n'),
        (lambda path: read_groups(path, 'look'), 'groups.csv', f'name,look\na,{"x" * 200_000}\n'),
        (read_scores, 'scores.csv', 'name,score/Gun,label/Gun\n\na,0.5,nan\n'),
        (read_scores, 'scores.csv', 'name,score/Gun,label/Gun\na,0.5,0.5\n'),
        (lambda path: read_epochs(path.parent), 'epochs.csv', 'epoch,loss\n1,2,3\n'),
        (lambda path: read_epochs(path.parent), 'epochs.csv', 'loss\n1\n'),
    ],
)
def test_errors_for_malformed_tables_and_notes_name_the_file(
    read: Callable[[Path], object], name: str, text: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=name.replace('.', r'\.')) as raised:
        read(tmp_path / name)
    assert raised.type is ValueError


# ---------------------------------------------------------------------------- copies


@pytest.mark.parametrize('name', ['../mine.txt', '{outside}/mine.txt', 'link/mine.txt', '..'])
def test_a_manifest_cannot_delete_files_outside_its_copy(
    name: str, simulate: Callable[..., Path], tmp_path: Path
) -> None:
    """Files that the manifest names and the release lacks are deleted from a copy."""
    mine = tmp_path / 'mine.txt'
    mine.write_text('precious')
    raw, copy = simulate(2, 2), tmp_path / 'copy'
    prepare_data('sixray', raw, copy, size=16)
    (copy / 'link').symlink_to(tmp_path)
    row = [name.format(outside=tmp_path), 'a', 'a' * 64, 'b' * 64]
    with open(copy / MANIFEST, 'a', newline='') as file:
        csv.writer(file).writerow(row)
    with pytest.raises(ValueError, match=r'prepared\.csv:\d+: .* is not a file of the copy'):
        prepare_data('sixray', raw, copy, size=16)
    assert mine.read_text() == 'precious'


# ---------------------------------------------------------------------------- threat banks


def bank(path: Path, **arrays: np.ndarray) -> Path:
    threats = [Threat(np.zeros((4, 5, 3), np.uint8), 0, 1.0, 'P1')]
    ThreatBank(threats, {'classes': ['Gun']}).save(path)
    with np.load(path) as file:
        kept = dict(file)
    np.savez(path, **{**kept, **arrays})
    return path


@pytest.mark.parametrize('what', ['pixels', 'a chunk'])
def test_an_item_that_declares_more_data_than_it_contains_is_rejected(
    what: str, tmp_path: Path
) -> None:
    """OpenCV would need 300 MB or 4 GB, and seconds, each time that the item is drawn."""
    code = np.frombuffer(png(10_000, 10_000) if what == 'pixels' else png(5, 4), np.uint8).copy()
    if what == 'a chunk':
        code[code.tobytes().index(b'IDAT') - 4] = 0xFF
    path = bank(tmp_path / 'bank.npz', data=code, ends=np.array([len(code)]))
    damaged = ThreatBank.load(path)
    with little_memory(), pytest.raises(ValueError, match=r'Item 0 of .*bank\.npz is damaged'):
        damaged[0]


@pytest.mark.parametrize(
    'header', [b"{'descr': '|u1', 'shape': (99999999999999,)", b'\0' * 40, b'(' * 9000]
)
def test_an_array_that_declares_more_data_than_it_contains_is_rejected(
    header: bytes, tmp_path: Path
) -> None:
    """NumPy raises a dozen kinds of errors for such headers, including one of the tokenizer."""
    whole = bank(tmp_path / 'whole.npz')
    path = tmp_path / 'bank.npz'
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, 'w') as target:
        for name in source.namelist():
            content = source.read(name)
            if name == 'data.npy':
                content = content[:8] + struct.pack('<H', len(header)) + header
            target.writestr(name, content)
    with pytest.raises(ValueError, match=r'bank\.npz is not a threat bank'):
        ThreatBank.load(path)


# ---------------------------------------------------------------------------- images


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))


def png(width: int, height: int, *more: bytes, pixels: bytes = b'\0' * 99) -> bytes:
    header = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0))
    data = chunk(b'IDAT', zlib.compress(pixels, 1))
    return b'\x89PNG\r\n\x1a\n' + header + b''.join(more) + data + chunk(b'IEND', b'')


def bmp(width: int, height: int) -> bytes:
    header = struct.pack('<IiiHHIIiiII', 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b'BM' + struct.pack('<IHHI', 54 + 99, 0, 0, 54) + header + b'\0' * 99


def tiff(width: int, height: int) -> bytes:
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: 99}
    entries = b''.join(struct.pack('<HHII', tag, 4, 1, value) for tag, value in tags.items())
    return b'II*\0' + struct.pack('<IH', 8, len(tags)) + entries + b'\0' * 103


def gif(width: int, height: int) -> bytes:
    frame = struct.pack('<BHHHHBB', 0x2C, 0, 0, width, height, 0, 2)
    screen = struct.pack('<6sHHBBB', b'GIF89a', width, height, 0x80, 0, 0)
    return screen + b'\0' * 6 + frame + b'\x02\x4c\x01\0;'


def webp(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, 'little') + (height - 1).to_bytes(3, 'little')
    body = b'VP8X' + struct.pack('<IB3x', 10, 0) + sides
    frame = b'VP8L' + struct.pack('<IB', 13, 0x2F) + b'\xff' * 12 + b'\0'
    return b'RIFF' + struct.pack('<I', 4 + len(body) + len(frame)) + b'WEBP' + body + frame


def jpeg(width: int, height: int) -> bytes:
    data = cv2.imencode('.jpg', np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    start = data.index(b'\xff\xc0')
    return data[: start + 5] + struct.pack('>HH', height, width) + data[start + 9 :]


@contextmanager
def little_memory(mebibytes: int = 100) -> Iterator[None]:
    """Check that the peak memory of this process grows by less than a limit."""
    if not sys.platform.startswith('linux'):
        yield
        return
    Path('/proc/self/clear_refs').write_text('5')  # forget the peak
    before = _peak()
    yield
    assert _peak() - before < mebibytes


def _peak() -> float:
    (found,) = re.findall(r'VmHWM:\s+(\d+) kB', Path('/proc/self/status').read_text())
    return int(found) / 1024


@pytest.mark.parametrize('declare', [png, bmp, tiff, gif, webp, jpeg])
def test_images_that_declare_50_000_pixels_per_side_are_not_decoded(
    declare: Callable[[int, int], bytes], tmp_path: Path
) -> None:
    side = 16_383 if declare is webp else 50_000  # the maximum of WebP
    path = tmp_path / 'bag.img'
    path.write_bytes(declare(side, side))
    with little_memory(), pytest.raises(ImageError, match=f'{side} x {side} pixels|decoder'):
        read_image(path)


def test_a_decompression_bomb_in_the_text_of_an_image_is_not_decompressed(tmp_path: Path) -> None:
    text = chunk(b'zTXt', b'a\0\0' + zlib.compress(b'\0' * 100_000_000))
    (tmp_path / 'bag.png').write_bytes(png(4, 4, text, pixels=b'\0' * 52))
    with little_memory():
        assert read_image(tmp_path / 'bag.png').shape == (4, 4, 3)


def test_pixel_data_beyond_the_image_is_not_decompressed(tmp_path: Path) -> None:
    (tmp_path / 'bag.png').write_bytes(png(4, 4, pixels=b'\0' * 200_000_000))
    with little_memory():
        assert read_image(tmp_path / 'bag.png').shape == (4, 4, 3)


def test_a_postscript_program_named_as_an_image_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow passes PostScript to Ghostscript."""
    marker = tmp_path / 'marker'
    (tmp_path / 'gs').write_text(f'#!/bin/sh\ntouch {marker}\n')
    (tmp_path / 'gs').chmod(0o755)
    monkeypatch.setattr(EpsImagePlugin, 'gs_binary', str(tmp_path / 'gs'))
    program = b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n'
    (tmp_path / 'bag.jpg').write_bytes(program)
    with pytest.raises(ImageError, match='not an image of a known format'):
        read_image(tmp_path / 'bag.jpg')
    assert not marker.exists()
    with Image.open(tmp_path / 'bag.jpg') as image, pytest.raises(OSError, match=r'.*'):
        image.load()
    assert marker.exists()  # the attack is real


@pytest.mark.parametrize('suffix', ['.tif', '.gif', '.webp', '.png'])
def test_a_file_with_several_images_is_rejected(suffix: str, tmp_path: Path) -> None:
    """The network would see only the first image, and clear them all."""
    first, second = Image.new('RGB', (8, 8), 'white'), Image.new('RGB', (8, 8), 'black')
    first.save(tmp_path / f'bag{suffix}', save_all=True, append_images=[second])
    with pytest.raises(ImageError, match='several images'):
        read_image(tmp_path / f'bag{suffix}')


# ---------------------------------------------------------------------------- folders and names


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """Folder with an image inside 1,200 nested folders."""
    inner = bags = tmp_path / 'bags'
    bags.mkdir()
    for _ in range(1200):
        inner = inner / 'a'
        inner.mkdir()
    (inner / 'bag.png').touch()
    yield bags
    (inner / 'bag.png').unlink()
    while inner != tmp_path:  # pytest would delete the folders by recursion
        inner.rmdir()
        inner = inner.parent


def test_folders_can_be_nested_1200_deep(deep: Path) -> None:
    assert [Path(path).name for path in find_paths(deep)] == ['bag.png']
    assert [Path(path).name for path in list_images(deep)] == ['bag.png']


def test_control_characters_in_reported_names_are_escaped() -> None:
    problems = ProblemCounts()
    problems.add('missing images', 'a\n\x1b[2J\u202e\udcff.jpg at list.csv:1')
    (line,) = problems.lines()
    assert line == r'missing images: 1 (a\n\x1b[2J\u202e\udcff.jpg at list.csv:1)'
    assert printable('Käse 1.jpg') == 'Käse 1.jpg'


def test_class_names_are_not_interpreted_as_markup(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such a name made the summary fail after screening, with another exit code."""
    from rich.console import Console

    from mmsxm.cli.screen import summary
    from mmsxm.screening.results import Tally

    Console(markup=False, emoji=False).print(summary(Tally(), ('[/red] :bomb:',), 1.0))
    assert '[/red] :bomb:' in capsys.readouterr().out


# ---------------------------------------------------------------------------- results, decisions


def line(**changes: Any) -> bytes:
    record = {
        'path': '/bags/a.png',
        'labels': ['Gun'],
        'scores': {'Gun': 0.9, 'Knife': 0.1},
        'thresholds': INFO.calibration.thresholds,
        'regions': [{'bbox': [1, 2, 30, 40], 'score': 0.9}],
        'level_weights': [0.5, 0.25, 0.25],
        'model': INFO.digest,
        'time': '2026-01-01T00:00:00.000+00:00',
    }
    return json.dumps({**record, **changes}).encode() + b'\n'


@pytest.mark.parametrize(
    'bad',
    [
        b'[' * 100_000 + b'\n',
        b'{"path": ' + b'9' * 5000 + b'}\n',
        b'\xff\n',
        line(path=['a']),
        line(path='\ud800'),
        line(model=1),
        line(model='\x1b[2J'),
        line(labels=None),
        line(labels=['Bomb']),
        line(scores={'Gun': 10**400, 'Knife': 0}),
        line(scores={'Gun': 0.5}),
        line(thresholds=[0.5, 0.5]),
        line(regions=[{'bbox': [1, 2], 'score': 1}]),
        line(regions=[{'bbox': [1, 2, float('inf'), 4], 'score': 1}]),
        line(regions=[{'bbox': [1, 2, 3, 4], 'score': 1, 'label': 'Bomb'}]),
        line(regions=[{'bbox': [1, 2, 3, 4], 'score': 1, 'label': None}]),
        line(regions=[{'bbox': [1, 2, 3, 4], 'score': 1, 'label': ['Gun']}]),
        line(level_weights=9 * [1]),
        line(time=None),
        line(error=[]),
    ],
)
def test_invalid_result_lines_are_rejected_by_all_readers(bad: bytes, tmp_path: Path) -> None:
    path = tmp_path / 'results.jsonl'
    path.write_bytes(line() + bad)
    for read in (
        lambda: Results(path, INFO),
        lambda: Session(tmp_path / 'log', results=path),
        lambda: write_table(path, tmp_path / 'r.csv', CLASSES),
    ):
        with pytest.raises(ValueError, match=r'results\.jsonl, line 2 is not a result'):
            read()
    assert path.read_bytes() == line() + bad
    assert not list(tmp_path.glob('r.csv*'))


@pytest.mark.parametrize('levels', [0, 4, 8])
def test_results_may_have_other_numbers_of_levels(levels: int, tmp_path: Path) -> None:
    path = tmp_path / 'results.jsonl'
    path.write_bytes(line(level_weights=levels * [0.1]))
    with Results(path, INFO) as results:
        assert results.seen == {'/bags/a.png'}
    write_table(path, tmp_path / 'r.csv', CLASSES)


@pytest.mark.parametrize(
    'bad', [b'[' * 100_000, b'9' * 5000, b'\xff', b'{}', b'[1]', b'null', b'{"image": []}']
)
def test_invalid_decision_lines_are_skipped(bad: bytes, tmp_path: Path) -> None:
    decision = dict.fromkeys(('time', 'image', 'screened', 'comment', 'model'), 'a')
    decision |= {'sha256': None, 'labels': [], 'thresholds': {}, 'decision': 'clear'}
    unhashable = {**decision, 'image': ['a']}  # a list cannot be a key
    lines = [json.dumps(decision).encode(), bad, json.dumps(unhashable).encode()]
    (tmp_path / 'log').write_bytes(b'\n'.join(lines))
    assert [each.image for each in read_decisions(tmp_path / 'log')] == ['a']


def test_results_that_name_pipes_or_devices_do_not_stop_the_page(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'pipe.png')
    paths = [str(tmp_path / 'pipe.png'), '/dev/zero', str(tmp_path), 'a\0b']
    (tmp_path / 'r.jsonl').write_bytes(b''.join(line(path=path) for path in paths))
    session = Session(tmp_path / 'log', results=tmp_path / 'r.jsonl')
    review = session.review()
    for index, case in enumerate(review.cases):
        with pytest.raises((ImageError, OSError, ValueError), match=r'not a regular file|null'):
            session.load_image(case)
        session.decide(review, index, 'clear', '', 'A. Smith')
    assert [each.sha256 for each in read_decisions(tmp_path / 'log')] == [None] * 4
    assert sha256_or_none('/dev/zero') is None


def test_all_invalid_json_raises_the_same_error() -> None:
    for text in ('', '[' * 100_000, '9' * 5000, b'\xff', '{"a":' * 50_000):
        with pytest.raises(ValueError, match='not valid JSON') as raised:
            parse_json(text)
        assert raised.type is ValueError
