"""Every reader of files that a stranger may have written, with files to damage.

To have another one fuzzed, add it to :data:`PARSERS`.
"""

import io
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import torch
from damage import (
    Damage,
    damaged,
    damaged_csv,
    damaged_json,
    damaged_png,
    damaged_zip,
    noise,
    one_of,
)
from mmengine.logging import HistoryBuffer
from PIL import Image

from mmsxm.comparison.set_comparison import read_set
from mmsxm.datasets.coco_xray import read_coco
from mmsxm.datasets.csv_xray import read_object_csv
from mmsxm.datasets.meta_label_file import (
    LabelSource,
    MetaLabels,
    read_meta_labels,
    write_meta_labels,
)
from mmsxm.datasets.opixray import read_box_lines, read_name_list
from mmsxm.datasets.prepared_copy import NOTE, CopySettings, note_content, read_copy_note
from mmsxm.datasets.rewriting import lines_with_boxes, voc_with_boxes
from mmsxm.datasets.sixray import read_label_csv
from mmsxm.datasets.threat_bank_file import Threat, ThreatBank
from mmsxm.datasets.voc import read_voc_objects
from mmsxm.datasets.yolo import read_data_yaml, read_yolo_objects
from mmsxm.evaluation.grouped_average_precision import read_groups
from mmsxm.evaluation.score_table import Scores, read_scores, write_scores
from mmsxm.imaging.images import ImageError, read_image
from mmsxm.imaging.preprocessing import Preprocessing
from mmsxm.imaging.reading import preprocess_file
from mmsxm.inference.backends import ModelInfo
from mmsxm.inference.backends.exported import describe, read_description
from mmsxm.inference.calibration import Calibration
from mmsxm.preparing.manifest import MANIFEST, ManifestRow, read_rows, write_rows
from mmsxm.reproduction.record_store import RecordStore
from mmsxm.reproduction.run_record import (
    read_epochs,
    read_result,
    write_epochs,
    write_result,
)
from mmsxm.reproduction.taught_levels import levels_of_boxes
from mmsxm.review.cases import ResultsReader, Review, risk_order
from mmsxm.review.decision_log import Decision, append_decision, read_decisions
from mmsxm.safe_checkpoints import load_from_local
from mmsxm.screening.image_sources import read_list
from mmsxm.screening.results import Results, write_table
from mmsxm.visualization.operating_points import read_tables

CLASSES = ('Gun', 'Knife')
THRESHOLDS = {'Gun': 0.5, 'Knife': 0.25}
INFO = ModelInfo(
    'net',
    CLASSES,
    Preprocessing((8, 8)),
    Calibration(THRESHOLDS, dict.fromkeys(CLASSES, 1.0), dict.fromkeys(CLASSES, 0.0)),
    'a' * 64,
)


class Parser(NamedTuple):
    """A reader, and what to feed it with.

    ``read`` takes a path and uses all that it reads; ``name`` is the file's. What it raises has to
    be of ``errors``, or of a class of ours below one of them, and, where ``names_file``, say the
    file's name.
    """

    read: Callable[[Path], object]
    inputs: Damage
    name: str = 'file'
    errors: tuple[type[Exception], ...] = (ValueError,)
    names_file: bool = True


def _written(write: Callable[[Path], object], name: str = 'seed') -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / name)
        return (Path(folder) / name).read_bytes()


def _text(seeds: Sequence[bytes], tokens: Sequence[bytes] = ()) -> Damage:
    plain = damaged(seeds, tokens)
    return one_of(plain, plain, plain, noise)


def _table(seed: bytes) -> Damage:
    return one_of(damaged_csv(seed), _text([seed]))


def _json(*values: Any) -> Damage:
    seeds = [json.dumps(value).encode() for value in values]
    return one_of(damaged_json(*values), damaged_json(*values), _text(seeds))


def _json_lines(*values: Any) -> Damage:
    """A damaged line among whole ones, or damage anywhere."""
    lines = [json.dumps(value).encode() + b'\n' for value in values]
    broken = damaged_json(*values)

    def among(random: Random) -> bytes:
        after = random.choice((b'', b'\n', b'\n' + lines[0]))
        return random.choice(lines) + broken(random) + after

    return one_of(among, among, _text([b''.join(lines)]))


# ---------------------------------------------------------------------------- annotations

LABELS = b'name,Gun,Knife\nP1,1,-1\nP2.jpg,0,1\n"N 1",-1,-1\n'
DATA_YAML = (
    b'path: ../bags\ntrain: images/train\nval:\n  - images/a\n  - b.txt\n'
    b'names:\n  0: Gun\n  1: Knife\n'
)
YOLO_LINES = b'0 0.5 0.5 0.25 0.125\n1 0.1 0.2 0.3 0.4 0.5 0.6 7\n'
BOX_LINES = b'a.jpg Knife 1 2 30 40.5\na.jpg Scissor 0 0 5 5\n'
VOC = (
    b'<annotation><filename>P1.jpg</filename><size><width>60</width><height>50</height></size>'
    b'<object><name>Gun</name><bndbox><xmin>1</xmin><ymin>2.5</ymin><xmax>30</xmax>'
    b'<ymax>40</ymax></bndbox></object><object><name>Knife</name></object></annotation>'
)
XML = (
    *(b'<object>', b'</object>', b'<a/>', b'</a>', b'<bndbox>', b'&amp;', b'&lol;', b'&#0;'),
    *(b'<a>' * 3000, b'</a>' * 3000, b'<!-- ', b'<![CDATA[', b']]>', b'<?x?>', b'a:b', b'xmlns="'),
    b'<?xml version="1.0" encoding="utf-7"?>',
    b'<!DOCTYPE a [<!ENTITY b "c">]>',
    b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>',
    b'<!DOCTYPE a SYSTEM "file:///etc/passwd">',
)
DEEP = b'<a>' * 5000 + VOC + b'</a>' * 5000


def read_voc(path: Path) -> None:
    """As a data set and tools/prepare_data.py do."""
    boxes = [item.bbox for item in read_voc_objects(str(path))]
    voc_with_boxes(str(path), boxes, (50, 60))


def read_lines(path: Path) -> None:
    """As a data set and tools/prepare_data.py do."""
    boxes = [item.bbox for item in read_box_lines(str(path))]
    lines_with_boxes(str(path), boxes, (50, 60))


META = MetaLabels(
    'chr.py',
    'ab' * 32,
    LabelSource('SIXray', 'ImageSet/10/train.csv', 'cd' * 32, CLASSES),
    {'P1': [0.1, 0.2, 0.3], 'P2': [0.5, 0.5, 0.4]},
    {'P1': 0, 'P2': 2},
)
COCO = {
    'images': [
        {'id': 1, 'file_name': 'day/P1.png', 'height': 50, 'width': 60},
        {'id': 2, 'file_name': 'P2.jpg'},
    ],
    'annotations': [
        {'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [1, 2.5, 30, 40], 'iscrowd': 0},
        {'id': 2, 'image_id': 1, 'category_id': 2, 'segmentation': [[1, 2, 3, 4, 5, 9]]},
    ],
    'categories': [{'id': 1, 'name': 'Gun'}, {'id': 2, 'name': 'Knife'}],
}
OBJECT_TABLE = (
    b'image,label,x1,y1,x2,y2\nday/P1.png,Gun,1,2.5,30,40\nP2.jpg,Knife,,,,\nP3.jpg,,,,,\n'
)

BOX_TABLE = (
    b'name,xml,height,width,ymin,xmin,ymax,xmax\nGun,P1.xml,50,60,1,2,30,40\n'
    b'Knife,P1.xml,50,60,0,0,5,5\nKnife,P2.xml,50,60,10,10,20,20.5\n'
)

THREATS = [Threat(np.full((4, 5, 3), 9 * i, np.uint8), i % 2, 1.5, f'P{i}') for i in range(3)]
BANK = _written(lambda path: ThreatBank(THREATS, {'classes': list(CLASSES)}).save(path))

# ---------------------------------------------------------------------------- pictures


def _picture(mode: str, suffix: str, **settings: Any) -> bytes:
    y, x = np.mgrid[:12, :16]
    rgb = np.stack([15 * x, 20 * y, 255 - 15 * x], axis=-1).astype(np.uint8)
    image = (
        Image.fromarray(257 * rgb[..., 0].astype(np.uint16))
        if mode == 'I;16'
        else Image.fromarray(rgb).convert(mode)
    )
    return _written(lambda path: image.save(path, **settings), f'seed{suffix}')


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return _picture('RGB', '.jpg', exif=exif)


def _moving() -> bytes:
    frames = [Image.new('P', (16, 12), colour) for colour in (0, 90, 200)]
    return _written(
        lambda path: frames[0].save(path, save_all=True, append_images=frames[1:]), 'seed.gif'
    )


PNGS = [_picture(mode, '.png') for mode in ('1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'I;16')]
PICTURES = [
    *PNGS,
    *(_picture(mode, '.jpg') for mode in ('L', 'RGB', 'CMYK')),
    _picture('RGB', '.jpg', progressive=True),
    _turned(),
    *(_picture(mode, '.bmp') for mode in ('1', 'L', 'P', 'RGB')),
    *(_picture(mode, '.tif') for mode in ('1', 'L', 'RGB', 'RGBA', 'CMYK', 'F', 'I;16')),
    *(_picture('RGB', '.tif', compression=kind) for kind in ('tiff_lzw', 'tiff_deflate', 'jpeg')),
    *(_picture(mode, '.webp') for mode in ('RGB', 'RGBA')),
    _picture('RGB', '.webp', lossless=True),
    _picture('P', '.gif'),
    _moving(),
]
HEADERS = (
    *(
        b'\x89PNG\r\n\x1a\n',
        b'\xff\xd8\xff',
        b'BM',
        b'II*\0',
        b'MM\0*',
        b'GIF89a',
        b'RIFF',
        b'WEBP',
    ),
    *(b'IHDR', b'IDAT', b'IEND', b'PLTE', b'tRNS', b'iCCP', b'zTXt', b'acTL', b'fdAT', b'eXIf'),
    *(
        b'\xff\xda',
        b'\xff\xc0',
        b'\xff\xc4',
        b'\xff\xd9',
        b'\xff\xe1',
        b'Exif\0\0',
        b'VP8X',
        b'ANIM',
    ),
    *(
        b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n',
        b'8BPS',
        b'SIMPLE  =',
        b'P6\n9 9\n255\n',
    ),
    *(b'\x00\x00\xc3\x50', b'\x50\xc3\x00\x00', b'\x50\xc3', b'\xc3\x50'),  # 50,000
)


def read_picture(path: Path) -> None:
    """Read an image; what comes is one."""
    image = read_image(path, max_pixels=100_000)
    height, width, channels = image.shape
    if not (height and width and channels == 3 and image.dtype == np.uint8):
        raise AssertionError(f'{image.shape} {image.dtype}')


# ---------------------------------------------------------------------------- networks


def _checkpoint(new_format: bool) -> bytes:
    stream = io.BytesIO()
    content = {
        'meta': {'epoch': 3, 'dataset_meta': {'classes': CLASSES}, 'calibration': THRESHOLDS},
        'state_dict': {'a.weight': torch.ones(2, 3), 'a.bias': torch.zeros(2).half()},
        'message_hub': {'loss': HistoryBuffer([1.0], [1])},
        'rate': np.float64(0.1),
    }
    torch.save(content, stream, _use_new_zipfile_serialization=new_format)
    return stream.getvalue()


PICKLE = (
    *(b'cos\nsystem\n', b'cbuiltins\neval\n', b'cbuiltins\ngetattr\n', b'cposix\nsystem\n'),
    *(b'ccollections\nOrderedDict\n', b'c_codecs\nencode\n', b'ctorch\nFloatStorage\n'),
    *(b"(S'touch here'\ntR", b'R', b'b', b'0', b'.', b'(', b't', b'}', b']', b')', b'N', b'K\xff'),
    *(b'q\x01', b'h\x01', b'h\xff', b'Q', b'u', b's', b'e', b'\x81', b'\x93', b'\x80\x02', b'\x94'),
)

# torch looks at the name of what it refuses by regular expressions, which takes the square of its
# length: minutes for 200,000 letters
LONGEST_NAME = 1000

# ---------------------------------------------------------------------------- results

TIME = '2026-01-01T00:00:00.000+00:00'
RECORDS = (
    {
        'path': '/bags/a.png',
        'labels': ['Gun'],
        'scores': {'Gun': 0.9, 'Knife': 0.1},
        'thresholds': THRESHOLDS,
        'regions': [
            {'bbox': [1.0, 2.0, 30.5, 40.0], 'score': 0.9},
            {'bbox': [1.0, 2.0, 30.5, 40.0], 'score': 0.4, 'label': 'Knife'},
        ],
        'level_weights': [0.5, 0.25, 0.25],
        'model': INFO.digest,
        'time': TIME,
    },
    {'path': '/bags/b\udcff.png', 'error': 'it is empty', 'model': INFO.digest, 'time': TIME},
)
DECISION = Decision(
    TIME, '/bags/a.png', 'a' * 64, TIME, ['Gun'], THRESHOLDS, 'clear', 'a lamp', INFO.digest
)


def go_on(path: Path) -> None:
    """As tools/screen.py does, which writes the table from what it accepted."""
    with Results(path, INFO) as results:
        results.write(dict(RECORDS[1]))
    write_table(path, path.with_suffix('.csv'), CLASSES)


def review(path: Path) -> None:
    """As the review page does."""
    cases = ResultsReader(path).read()
    screened = [case.record for case in cases if 'error' not in case.record]
    classes = tuple(screened[0]['thresholds']) if screened else CLASSES
    page = Review(classes, cases, [DECISION])
    thresholds = np.full(len(classes), 0.5)
    for index in risk_order(page.scores, thresholds):
        record = cases[index].record
        page.labels(index, thresholds)
        [tuple(map(float, region['bbox'])) for region in record.get('regions', ())]


def read_log(path: Path) -> None:
    """As the review page does."""
    decisions = read_decisions(path)
    Review(CLASSES, [], decisions)


SCORES = Scores(
    ('P1', 'P2'),
    CLASSES,
    np.array([[0.1, 0.9], [0.5, 0.25]]),
    np.array([[0, 1], [1, -1]]),
    np.array([[0.5, 0.25, 0.25], [1, 0, 0]]),
)
RESULT = {'config': 'a.py', 'seed': 0, 'metrics': {'xray/mAP': 50.0}, 'digest': 'ab' * 32}
HISTORY = (
    {'loss': 3.0, 'loss_cls': 2.0, 'lr': 0.1, 'epoch': 1, 'step': 20},
    {'xray/mAP': 33.3, 'xray/pointing': None, 'step': 1},
)


def read_record(path: Path) -> None:
    """As tools/reproduce.py and figures.py do."""
    read_result(path.parent)


def read_packed_records(path: Path) -> None:
    """As tools/reproduce.py does."""
    records = RecordStore(path.with_suffix(''))
    for run in records.runs():
        record = records.find(run)
        read_result(record)
        read_epochs(record)
        read_scores(record / 'scores.csv')


def pack_record(path: Path) -> None:
    records = RecordStore(path.with_suffix(''))
    folder = records.single('chr/seed0')
    write_epochs(folder, [{'epoch': 1, 'loss': 2.5}])
    write_scores(folder / 'scores.csv', SCORES)
    write_result(folder, RESULT)
    records.pack()


def read_log_of_run(path: Path) -> None:
    """As tools/figures.py does."""
    read_epochs(path.parents[2])


def read_listed(path: Path) -> None:
    """As tools/screen.py does: whatever a list names has its line."""
    for each in read_list(path):
        preprocess_file(each, INFO.preprocessing, 10_000)


RUNS = _written(pack_record, 'runs.zip')
PARSERS: dict[str, Parser] = {
    'labels (csv)': Parser(lambda p: list(read_label_csv(str(p), CLASSES)), _table(LABELS)),
    'boxes (xml)': Parser(read_voc, _text([VOC, VOC, DEEP], XML)),
    'boxes (txt)': Parser(read_lines, _text([BOX_LINES])),
    'names (txt)': Parser(lambda p: list(read_name_list(str(p))), _text([b'a.jpg\nb\n'])),
    'annotations (COCO)': Parser(lambda p: read_coco(str(p)), _json(COCO)),
    'data.yaml': Parser(lambda p: read_data_yaml(str(p)), _text([DATA_YAML])),
    'objects (YOLO)': Parser(
        lambda p: read_yolo_objects(str(p), {'0': 'Gun', '1': 'Knife'}), _text([YOLO_LINES])
    ),
    'objects (csv)': Parser(lambda p: read_object_csv(str(p)), _table(OBJECT_TABLE)),
    'boxes (csv)': Parser(read_set, _table(BOX_TABLE), name='boxes.csv'),
    'levels of boxes (csv)': Parser(levels_of_boxes, _table(BOX_TABLE)),
    'meta labels': Parser(
        read_meta_labels, _json(json.loads(_written(lambda p: write_meta_labels(p, META))))
    ),
    'prepared.json': Parser(
        lambda p: read_copy_note(p.parent),
        _json(json.loads(note_content(CopySettings('opixray', 64, 240, 8)))),
        name=NOTE,
    ),
    'prepared.csv': Parser(
        lambda p: list(read_rows(p.parent)),
        _table(
            _written(
                lambda p: write_rows(p.parent, [ManifestRow('a.bmp', 'a.jpg', 'a' * 64, 'b' * 64)]),
                MANIFEST,
            )
        ),
        name=MANIFEST,
    ),
    'threat bank': Parser(
        lambda p: list(ThreatBank.load(p)),
        one_of(damaged_zip(BANK), damaged_zip(BANK), damaged([BANK])),
    ),
    'image': Parser(
        read_picture,
        one_of(damaged(PICTURES, HEADERS), damaged(PICTURES, HEADERS), damaged_png(PNGS, HEADERS)),
        errors=(ImageError,),
        names_file=False,
    ),
    'list to screen (txt)': Parser(
        read_listed, _text([b'a.jpg\n/b/c.png\n../d\n'], [b'/dev/zero', b'/', b'.'])
    ),
    'checkpoint': Parser(
        load_from_local,
        one_of(
            damaged_zip(_checkpoint(True), PICKLE, LONGEST_NAME),
            damaged([_checkpoint(True), _checkpoint(False)], PICKLE, LONGEST_NAME),
        ),
    ),
    'description of an export': Parser(
        lambda p: read_description(os.fsdecode(p.read_bytes()), str(p)),
        _json(json.loads(describe(INFO))),
    ),
    'results, to go on': Parser(go_on, _json_lines(*RECORDS)),
    'results, to review': Parser(review, _json_lines(*RECORDS)),
    'decisions': Parser(read_log, _text([_written(lambda p: append_decision(p, DECISION))])),
    'scores (csv)': Parser(read_scores, _table(_written(lambda p: write_scores(p, SCORES)))),
    'groups (csv)': Parser(
        lambda p: read_groups(p, 'look'),
        _table(b'name,look\nP1.jpg,grey\nP2,white\n'),
        errors=(ValueError, KeyError),
    ),
    'curves (csv)': Parser(
        read_tables,
        _table(b'class,threshold,detection_rate\nGun,0.5,1\nGun,0.25,\nKnife,0.1,0.5\n'),
    ),
    'epochs (csv)': Parser(
        lambda p: read_epochs(p.parent),
        _table(b'epoch,loss,xray/mAP\n1,2.5,\n2,1.5,40.25\n'),
        name='epochs.csv',
    ),
    'result of a run': Parser(read_record, _json(RESULT), name='result.json'),
    'records of runs (zip)': Parser(
        read_packed_records,
        one_of(damaged_zip(RUNS), damaged_zip(RUNS), damaged([RUNS])),
        name='runs.zip',
        errors=(ValueError, FileNotFoundError),  # a member is missing
    ),
    'log of a run': Parser(
        read_log_of_run,
        _json_lines(*HISTORY),
        name='1/vis_data/scalars.json',
        errors=(ValueError, FileNotFoundError),  # nothing was logged
    ),
}
