"""Exported networks, damaged: parsers beside those of :mod:`parsers`, where their libraries are.

They stand apart because OpenVINO's threads don't survive the forks of later tests.
"""

import importlib.util
from pathlib import Path

import numpy as np
from damage import damaged
from parsers import CLASSES, INFO, Parser

__all__ = ['EXPORTED']

WORDS = (b'Loop', b'If', b'<layer ', b'../../etc/passwd', b'offset="99999999999"', b'dim="-1"')


def tiny_onnx() -> bytes:
    """The smallest network that says of images what ours do."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from mmsxm.inference.backends.exported import INPUT, METADATA, OUTPUTS, describe

    height, width = INFO.preprocessing.size
    values = height * width * 3
    weights = numpy_helper.from_array(np.full((values, len(CLASSES)), 1e-4, np.float32), 'weights')
    shape = numpy_helper.from_array(np.array([-1, values]), 'shape')
    nodes = [
        helper.make_node('Cast', [INPUT], ['pixels'], to=TensorProto.FLOAT),
        helper.make_node('Reshape', ['pixels', 'shape'], ['row']),
        helper.make_node('MatMul', ['row', 'weights'], ['logits']),
        helper.make_node('Sigmoid', ['logits'], [OUTPUTS[0]]),
        helper.make_node('Softmax', ['logits'], [OUTPUTS[1]]),
    ]
    images = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ['n', height, width, 3])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ['n', len(CLASSES)])
        for name in OUTPUTS[:2]
    ]
    graph = helper.make_graph(nodes, 'tiny', [images], outputs, [weights, shape])
    opset = helper.make_opsetid('', 17)
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    model.metadata_props.add(key=METADATA, value=describe(INFO))
    return model.SerializeToString()


def ask(path: Path) -> None:
    """Load a network and show it two images; its errors need not name the file then."""
    from mmsxm.inference.backends import load_backend

    backend = load_backend(path, threads=1)
    try:
        backend(np.zeros((2, *INFO.preprocessing.size, 3), np.uint8))
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error


def _openvino() -> Parser:
    import tempfile

    from mmsxm.inference.export import write_openvino

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'network.xml'
        write_openvino(tiny_onnx(), INFO, path)
        graph, weights = path.read_bytes(), path.with_suffix('.bin').read_bytes()

    def read(path: Path) -> None:
        path.with_suffix('.bin').write_bytes(weights)
        ask(path)

    return Parser(read, damaged([graph], WORDS, 5000), name='network.xml')


EXPORTED: dict[str, Parser] = {}
if all(map(importlib.util.find_spec, ('onnx', 'onnxruntime'))):
    EXPORTED['network (onnx)'] = Parser(ask, damaged([tiny_onnx()], WORDS, 5000), name='n.onnx')
if EXPORTED and importlib.util.find_spec('openvino'):
    EXPORTED['network (openvino)'] = _openvino()
