"""Train a network from its config; --stages trains Stage I first."""

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmsxm.cli.arguments import add_cfg_options, make_parser

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser('train', __doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from this checkpoint, or from the latest one of a work directory (default: '
        '--work-dir)',
    )
    parser.add_argument(
        '--stages',
        action='store_true',
        help='train Stage I first, unless it is already trained',
    )
    parser.add_argument('--amp', action='store_true', help='train in reduced precision')
    parser.add_argument('--no-validate', action='store_true', help='skip validation between epochs')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate to the images per step, over all processes and batches',
    )
    parser.add_argument(
        '--no-pin-memory', action='store_true', help='do not pin the memory of the dataloaders'
    )
    parser.add_argument(
        '--no-persistent-workers', action='store_true', help='restart the workers every epoch'
    )
    add_cfg_options(parser)
    add_cfg_options(parser, '--stage1-options', 'like --cfg-options, for Stage I of --stages')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args(argv)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.stage1_options and not args.stages:
        parser.error('--stage1-options needs --stages: add --stages')
    return args


def apply_flags(cfg: 'Config', args: argparse.Namespace) -> None:
    """Apply the flags that all stages share to a config."""
    from mmsxm.training.config import set_dataloaders, use_autocast

    if args.amp:
        use_autocast(cfg)
    if args.auto_scale_lr:
        if not cfg.get('auto_scale_lr'):
            raise ValueError(
                f'--auto-scale-lr: {cfg.filename} does not define the batch size of its learning '
                'rates. Set auto_scale_lr=dict(base_batch_size=...) in the config.'
            )
        cfg.auto_scale_lr.enable = True
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.no_pin_memory:
        set_dataloaders(cfg, pin_memory=False)
    if args.no_persistent_workers:
        set_dataloaders(cfg, persistent_workers=False)


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the arguments and train."""
    args = parse_args(argv)

    from mmsxm.compat import leave_process_group

    try:
        train(args)
    finally:
        leave_process_group()


def train(args: argparse.Namespace) -> None:
    """Train one stage or both."""
    from mmsxm.training.config import first_stage, load_config
    from mmsxm.training.train import resume, train, train_stages

    cfg = load_config(
        args.config, work_dir=args.work_dir, options=args.cfg_options, launcher=args.launcher
    )
    apply_flags(cfg, args)
    if args.resume:
        resume(cfg, args.resume)
    has_weights = cfg.get('resume') or os.path.isfile(cfg.get('load_from') or '')
    if not args.stages or has_weights:  # Stage I is already trained
        train(cfg)
        return
    first_path = first_stage(cfg)
    if first_path is None:
        raise SystemExit(f'{args.config} has no Stage I. Remove --stages.')
    first = load_config(
        first_path, work_dir=cfg.load_from, options=args.stage1_options, launcher=args.launcher
    )
    apply_flags(first, args)
    train_stages(cfg, first)
