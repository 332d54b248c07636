"""Convert an ImageNet file to the keys of a config's backbone, for PRETRAINED.

The file's tensors are matched by name and shape, or by order, kind and shape. Norms of intermediate
outputs, which ConvNeXt and Swin have and a classifier lacks, may be missing.
"""

from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import make_parser


def main(argv: Sequence[str] | None = None) -> None:
    """Convert."""
    parser = make_parser('convert-weights', __doc__)
    parser.add_argument('config', help='a config with the backbone')
    parser.add_argument('source', help='a file, or an address such as torchvision://resnet50')
    parser.add_argument('out', type=Path, help='the file to write')
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
    print(f'{len(matched)} tensors of the {backbone.type} written to {args.out}')
    if left := sorted(norms - matched.keys()):
        print(f'Not in the file, and trained from their initial values: {", ".join(left)}')
