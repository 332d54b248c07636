"""Let a trained teacher, as CHR, say which level to trust in each image of its training set (MF-N).

A network trained on the file, by ``meta_labels`` of its data set, learns to trust that level.
"""

from collections import Counter
from collections.abc import Sequence

from mmsxm.cli.arguments import add_cfg_options, make_parser


def main(argv: Sequence[str] | None = None) -> None:
    """Label, write and count."""
    parser = make_parser('meta-labels', __doc__)
    parser.add_argument('config', help="the teacher's config")
    parser.add_argument('checkpoint', help='a checkpoint, or a work dir for its latest one')
    parser.add_argument('out', help='the .json file to write')
    parser.add_argument('--work-dir', help='where the log goes')
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
    print(f'{args.out}: {len(labels.levels):,} images, of which {counts}')
