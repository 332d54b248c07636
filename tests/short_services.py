"""The command `mmsxm` for tests of tutorials: a service stops after its first answer.

python tests/short_services.py review --results results.jsonl
"""

import re
import signal
import subprocess
import sys
import urllib.request

PATHS = {'review': '/', 'serve': '/ready'}  # what is asked for


def ask_once(command: list[str], path: str) -> int:
    """Start a service on a free port, ask for a path, stop it, and return its exit code."""
    with subprocess.Popen(
        [*command, '--port', '0'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as service:
        assert service.stdout is not None
        address = None
        for line in service.stdout:
            sys.stdout.write(line)
            if address is None and (address := re.search(r'http://[\d.:]+\d', line)):
                try:
                    with urllib.request.urlopen(address[0] + path, timeout=60) as answer:
                        sys.stdout.write(f'{path}: {answer.status}\n')
                finally:
                    service.send_signal(signal.SIGINT)
    if address is None:
        sys.exit('the service printed no address')
    return service.returncode


def main(args: list[str]) -> int:
    """Run a command of mmsxm."""
    command = [sys.executable, '-m', 'mmsxm', *args]
    return ask_once(command, PATHS[args[0]]) if args[0] in PATHS else subprocess.call(command)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
