"""Convert ImageNet weights to the keys of a config's backbone, for use as PRETRAINED.

Tensors are matched by name and shape, or by order, kind and shape. ConvNeXt and Swin backbones have
norms on intermediate outputs that a classifier lacks; these norms may be missing from the file.
"""

from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import make_parser


def main(argv: Sequence[str] | None = None) -> None:
    """Convert the weights."""
    parser = make_parser('convert-weights', __doc__)
    parser.add_argument('config', help='config with the backbone')
    parser.add_argument('source', help='weights file, or an address such as torchvision://resnet50')
    parser.add_argument('out', type=Path, help='output file')
    args = parser.parse_args(argv)

    import torch
    from mmengine.runner import CheckpointLoader

    from mmsxm.engine.output_norms import intermediate_norms
    from mmsxm.registry import MODELS
    from mmsxm.training.config import load_config
    from mmsxm.training.weights import match_weights

    backbone = load_config(args.config).model.backbone
    backbone.pop('init_cfg', None)
    network = MODELS.build(dict(backbone, _scope_='mmpretrain'))
    checkpoint = CheckpointLoader.load_checkpoint(args.source, map_location='cpu')
    tensors = checkpoint.get('state_dict', checkpoint.get('model', checkpoint))
    norms = intermediate_norms(network)
    matched = match_weights(tensors, network, optional=norms)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({'state_dict': matched}, args.out)
    print(f'Wrote {len(matched)} tensors of {backbone.type} to {args.out}')
    if missing := sorted(norms - matched.keys()):
        print(f'Missing from the file, so trained from initial values: {", ".join(missing)}')
