"""Arguments that several commands share."""

import argparse
import os
from collections.abc import Sequence
from typing import Any

__all__ = [
    'ConfigOptions',
    'add_address_options',
    'add_cfg_options',
    'add_device_option',
    'add_runtime_options',
    'available_cores',
    'check_port',
    'check_positive',
    'make_parser',
    'numbers',
]


class ConfigOptions(argparse.Action):
    """Collect ``key=value`` settings in a dict, as mmengine's ``DictAction`` does.

    mmengine is imported when an option is read, not when a parser is built.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Parse the values of one occurrence of the option."""
        from mmengine.config import DictAction

        parse = DictAction(self.option_strings, self.dest, nargs='+')
        try:
            parse(parser, namespace, values, option_string)
        except (ValueError, AssertionError, SyntaxError):
            parser.error(
                f'{option_string} {" ".join(values)}: use key=value, for example '
                'train_cfg.max_epochs=30, with closed brackets and quotes'
            )


def make_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return the parser of ``mmsxm <name>``, whose help keeps the lines of the description."""
    return argparse.ArgumentParser(
        prog=f'mmsxm {name}',
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_cfg_options(
    parser: argparse.ArgumentParser,
    flag: str = '--cfg-options',
    text: str = 'config settings to override, for example train_cfg.max_epochs=30',
) -> None:
    """Add an option that overrides settings of a config."""
    parser.add_argument(flag, nargs='+', action=ConfigOptions, metavar='KEY=VALUE', help=text)


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """Add an option for the device of a network."""
    parser.add_argument(
        '--device', help='PyTorch device, such as cuda:0 (default: a GPU if there is one)'
    )


def add_runtime_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for running a network on images that worker processes read."""
    parser.add_argument(
        '--backend',
        choices=['torch', 'onnxruntime', 'openvino'],
        help='runtime of the network (default: the one for the file)',
    )
    add_device_option(parser)
    parser.add_argument('--threads', type=int, help='CPU threads of the network')
    parser.add_argument(
        '--workers',
        type=int,
        default=max(available_cores() // 2, 1),
        help='processes that read images (default on this machine: %(default)s)',
    )
    parser.add_argument(
        '--batch-size', type=int, default=16, help='images per batch (default: %(default)s)'
    )


def add_address_options(parser: argparse.ArgumentParser, port: int) -> None:
    """Add the options of a server; :func:`check_port` checks them."""
    parser.add_argument(
        '--host', default='127.0.0.1', help='address to listen on (default: %(default)s)'
    )
    parser.add_argument(
        '--port', type=int, default=port, help='port to listen on (default: %(default)s)'
    )


def check_port(parser: argparse.ArgumentParser, port: int) -> None:
    """Reject numbers that are not a port; 0 stands for any free one."""
    if not 0 <= port <= 65535:
        parser.error(f'--port {port}: use a number from 0 to 65535')


def numbers(parser: argparse.ArgumentParser, flag: str, text: str) -> list[int]:
    """Parse comma-separated integers."""
    try:
        return [int(number) for number in text.split(',')]
    except ValueError:
        parser.error(f'invalid {flag} {text}: use comma-separated integers, for example 0,1,2')


def check_positive(
    parser: argparse.ArgumentParser, args: argparse.Namespace, names: Sequence[str]
) -> None:
    """Reject options that are 0 or less."""
    for name in names:
        if (value := getattr(args, name)) is not None and value <= 0:
            parser.error(f'invalid --{name.replace("_", "-")} {value}: use a number above 0')


def available_cores() -> int:
    """Return the number of cores that this process can use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
