#!/usr/bin/env python3
"""Tortures the library on a broker of its own; the exit code is 1 when a promise was broken, 2 when the run could not be
made. See run.sh."""
import argparse
import random
import shutil
import signal
import sys
import tempfile
import time

import nemesis
import processes
import report
from in_memory import InMemory
from onslaught import CONNECTIONS, Onslaught


def parse_arguments():
    parser = argparse.ArgumentParser(prog='run.sh', description=__doc__)
    parser.add_argument('--broker', required=True, choices=['kafka', 'amqp', 'memory'])
    parser.add_argument('--profile', default='smoke', choices=nemesis.PROFILES)
    parser.add_argument('--seed', type=int, default=random.SystemRandom().getrandbits(31))
    parser.add_argument('--cluster', action='store_true', help='three nodes, of which one is killed at a time')
    parser.add_argument('--report', metavar='FILE', help='keep the results there (Markdown, and JSON beside it)')
    parser.add_argument('--programs', required=True, help='folder of the built programs')
    parser.add_argument('--sanitized', action='store_true', help='judge no memory: it is the sanitizer that takes it')
    parser.add_argument('--plan', action='store_true', help='print what would be done, and do nothing')
    parser.add_argument('--keep', action='store_true', help='keep what the processes wrote')
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    print(f'seed {arguments.seed}', flush=True)
    if arguments.plan and arguments.broker != 'memory':
        steps = nemesis.plan(nemesis.PROFILES[arguments.profile], arguments.broker, arguments.seed,
                             CONNECTIONS[arguments.broker])
        print('\n'.join(map(str, steps)))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix='fairlead-torture.')
    name = arguments.broker + ('-cluster' if arguments.cluster else '')
    result = {'broker': name, 'profile': arguments.profile, 'seed': arguments.seed}
    began = time.monotonic()
    torture = (InMemory if arguments.broker == 'memory' else Onslaught)(arguments, folder)
    try:
        verdict = torture.run()
        result.update(torture.figures | verdict.figures)
        result['violations'] = verdict.violations
        code = 1 if verdict.violations else 0
    except processes.Stuck as stuck:
        result.update(torture.figures)
        result['violations'] = [f'the run could not be made: {stuck}']
        code = 2
    result['seconds'] = round(time.monotonic() - began, 1)
    report.show(result)
    if arguments.report:
        report.keep(arguments.report, result)
    if code or arguments.keep:
        print(f'what the processes wrote: {folder}')
    else:
        shutil.rmtree(folder)
    return code


if __name__ == '__main__':

    sys.exit(main())
