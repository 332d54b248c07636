"""Write MF-N labels: the pyramid level that a trained teacher (CHR) trusts in each training image.

To train a network on these labels, set ``meta_labels`` of its dataset to the file.
"""

from collections import Counter
from collections.abc import Sequence

from mmsxm.cli.arguments import add_cfg_options, make_parser


def main(argv: Sequence[str] | None = None) -> None:
    """Label the images, write the file and print counts."""
    parser = make_parser('meta-labels', __doc__)
    parser.add_argument('config', help='config of the teacher')
    parser.add_argument('checkpoint', help='checkpoint, or a work directory to use its latest one')
    parser.add_argument('out', help='output file, .json')
    parser.add_argument('--work-dir', help='folder for the log')
    add_cfg_options(parser)
    args = parser.parse_args(argv)

    from mmsxm.datasets.meta_label_file import write_meta_labels
    from mmsxm.training.config import load_config
    from mmsxm.training.teacher import label_levels

    cfg = load_config(args.config, work_dir=args.work_dir, options=args.cfg_options)
    labels = label_levels(cfg, args.checkpoint)
    write_meta_labels(args.out, labels)
    images = Counter(labels.levels.values())
    counts = ', '.join(f'P{level + 3}: {images[level]:,}' for level in range(3))
    print(f'Wrote {args.out}: {len(labels.levels):,} images ({counts})')
