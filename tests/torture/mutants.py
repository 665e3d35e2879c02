#!/usr/bin/env python3
"""Breaks each promise on purpose and asks whether the tests notice, for the reason that was to be expected.

The library of build/faults has the faults of src/core/seeded_fault.hpp, one of which FAIRLEAD_SEEDED_FAULT switches on.
Each fault has the smallest run that must catch it. That run is first made without the fault, when it has to pass, and
then with it, when it has to fail and name the anomaly. The exit code is 1 when a fault survives. mutants.sh builds what
this needs and starts the brokers.
"""
import argparse
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RUN_SECONDS = 240
VARIABLE = 'FAIRLEAD_SEEDED_FAULT'


@dataclasses.dataclass(frozen=True)
class Torture:
    """A scenario of run.py; its anomalies are the violations that the checker has named."""
    scenario: str
    broker: str
    options: tuple = ()

    def name(self):
        return ' '.join((self.scenario, self.broker, *self.options))

    def command(self, programs, seed):
        return [sys.executable, '-B', os.path.join(HERE, 'run.py'), self.scenario, self.broker, '--programs', programs,
                '--size', 'small', '--patience', '15', '--seed', str(seed), *self.options]

    @staticmethod
    def anomalies(output):
        lines = [line for line in output.splitlines() if line.startswith('{')]
        return json.loads(lines[-1])['violations'] if lines else []


@dataclasses.dataclass(frozen=True)
class Test:
    """One test of a GoogleTest program; its anomaly is what the first expectation that failed says."""
    program: str
    test: str

    def name(self):
        return self.test

    def command(self, programs, _seed):
        return [os.path.join(programs, self.program), f'--gtest_filter={self.test}', '--gtest_brief=1']

    def anomalies(self, output):
        if f'FAILED  ] {self.test}' not in output:
            return []
        return [' '.join(text.split()) for text in re.findall(r': Failure\n(.*?)(?=\n\[|\n\S+: Failure)', output, re.DOTALL)]


# What has to notice each fault, and a part of what it has to say.
FAULTS = {
    'ack-before-handler': {Torture('consumer-kills', 'amqp'): 'lost:', Torture('consumer-kills', 'kafka'): 'lost:'},
    'commit-max': {Torture('consumer-kills', 'amqp'): 'lost:', Torture('consumer-kills', 'kafka'): 'lost:'},
    'commit-beyond': {Torture('sigterm', 'kafka'): 'lost:'},
    'key-order-ignored': {Torture('consumer-kills', 'amqp'): 'key order inversions:'},
    'close-without-acks': {Torture('sigterm', 'amqp'): 'redelivered after a clean drain:'},
    'early-buffer-release': {Torture('consumer-kills', 'amqp'): 'corrupt:'},
    'unknown-as-confirmed': {Torture('bytes-lost', 'amqp', ('--unconfirmed', 'report')): 'lost:'},
    'drop-pending-on-reconnect': {Torture('bytes-lost', 'amqp'): 'not confirmed though there was time:'},
    'resend-out-of-order': {Torture('bytes-lost', 'amqp'): 'key order inversions:'},
    'stale-tag-ack': {Torture('late-acks', 'amqp'): 'lost:',
                      Test('unit_amqp', 'Settlement.OfAnEarlierEpochIsDropped'): 'take()'},
    'heartbeat-off': {Torture('dead-peer', 'amqp'): 'dead peers noticed too late:',
                      Test('unit_amqp', 'LoginTest.AgreesOnTheSmallerLimits'): 'heartbeat()'},
    'no-cancel-capability': {
        Torture('queue-deleted', 'amqp'): 'deleted queues noticed too late:',
        Test('unit_amqp', 'LoginTest.AnnouncesTheCapabilitiesWithoutWhichTheBrokerIsSilent'): 'consumer_cancel_notify'},
    'ignore-multiple': {Torture('bytes-lost', 'amqp'): 'not confirmed though there was time:'},
    'busy-as-duplicate': {
        Torture('storm', 'amqp', ('--copies', '1', '--handler-us', '20000')): 'keys without an effect:',
        Test('conformance', 'On/InProgress.MessageWaitsAndIsADuplicateOnceTheEffectHasHappened/amqp'): 'duplicates'},
    'key-without-subscriber': {
        Test('unit_consume', 'DeduplicationScope.NamesServiceDestinationAndGroup'): 'scope_of("a", "b", "c")',
        Test('conformance', 'On/Idempotency.OneKeyHappensOnceInEachGroup/amqp'): 'billing.stats().handled + shipping.stats().handled'},
    'unroutable-as-confirmed': {
        Test('conformance', 'On/Refusing.MessageThatNoGroupWouldSeeIsUnroutable/amqp'): 'single'},
    'skip-dead-letter-confirm': {
        Torture('dead-letters-blocked', 'amqp'): 'no dead letter:',
        Test('unit_consume', 'Failure.DeadLetterIsConfirmedBeforeTheOriginalIsSettled'): 'rig.settled()',
        Test('unit_consume', 'Tiers.OriginalIsSettledOnlyWhenItsCopyIsConfirmed'): 'rig.settled()'},
    'no-jitter': {Test('unit_resilience', 'Backoff.ClientsWithDifferentSeedsDoNotRetryTogether'): 'delays.size()',
                  Test('unit_amqp', 'ReconnectPolicy.ClientsDoNotComeBackTogether'): 'size()',
                  Test('unit_consume', 'RetryDecisionTest.DelaysUseTheWholeRangeUpToTheBackoffAndNoMore'): 'shortest'},
}


@dataclasses.dataclass
class Seen:
    """How one run ended."""
    passed: bool
    anomalies: list
    output: str
    seconds: float


def make(run, programs, seed, fault):
    """In a process group of its own, of which nothing is left behind."""
    environment = {**os.environ, VARIABLE: fault}
    began = time.monotonic()
    process = subprocess.Popen(run.command(programs, seed), env=environment, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        output += f'\nkilled after {RUN_SECONDS} s'
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    seconds = time.monotonic() - began
    was_left_out = process.returncode == 77 or 'SKIPPED' in output or '0 tests from 0' in output
    return Seen(process.returncode == 0 and not was_left_out, run.anomalies(output), output, seconds)


class Trial:
    """Keeps what went otherwise than expected, and does not repeat a run without a fault."""

    def __init__(self, programs, seed):
        self.programs, self.seed, self.good, self.rows, self.failed = programs, seed, {}, [], False
        self.folder = tempfile.mkdtemp(prefix='fairlead-mutants.')

    def passes_without(self, run):
        if run not in self.good:
            seen = make(run, self.programs, self.seed, '')
            self.good[run] = seen.passed
            print(f'{"passes" if seen.passed else "FAILS"} without a fault, {seen.seconds:.0f} s: {run.name()}', flush=True)
            if not seen.passed:
                self.keep('no-fault', run, seen)
        return self.good[run]

    def keep(self, fault, run, seen):
        self.failed = True
        path = os.path.join(self.folder, f'{fault}-{re.sub("[^A-Za-z0-9]+", "-", run.name())}.log')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(seen.output)
        print(f'  what it wrote: {path}', flush=True)

    def put_to(self, fault, run, anomaly):
        if not self.passes_without(run):
            return self.row(fault, run, 'NOT TRIED', 'fails without the fault as well', 0)
        seen = make(run, self.programs, self.seed, fault)
        named = next((text for text in seen.anomalies if anomaly in text), None)
        if named is not None and not seen.passed:
            return self.row(fault, run, 'caught', named, seen.seconds)
        how = 'SURVIVED' if seen.passed else 'OTHERWISE'  # something else failed, which shows nothing
        self.row(fault, run, how, '; '.join(seen.anomalies) or f'"{anomaly}" was to be named', seen.seconds)
        return self.keep(fault, run, seen)

    def row(self, fault, run, how, anomaly, seconds):
        self.failed |= how != 'caught'
        self.rows.append((fault, how, anomaly if len(anomaly) <= 90 else anomaly[:87] + '...', run.name(), seconds))
        print(f'{how}  {fault}, {seconds:.0f} s: {self.rows[-1][2]}  ({run.name()})', flush=True)


def print_table(rows):
    print(f'\n{"fault":26} {"":9} {"anomaly reported":92} {"s":>4}  run')
    for fault, how, anomaly, run, seconds in rows:
        print(f'{fault:26} {how:9} {anomaly:92} {seconds:4.0f}  {run}')
    caught = {row[0] for row in rows} - {row[0] for row in rows if row[1] != 'caught'}
    print(f'faults caught: {len(caught)} of {len({row[0] for row in rows})}')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--programs', required=True, help='folder of the programs with seeded faults')
    parser.add_argument('--only', action='append', metavar='FAULT', choices=FAULTS)
    parser.add_argument('--seed', type=int, default=1)
    arguments = parser.parse_args()
    os.environ['FAIRLEAD_REQUIRE_BROKERS'] = '1'
    trial = Trial(arguments.programs, arguments.seed)
    began = time.monotonic()
    for fault in arguments.only or FAULTS:
        for run, anomaly in FAULTS[fault].items():
            trial.put_to(fault, run, anomaly)
    print_table(trial.rows)
    print(f'{time.monotonic() - began:.0f} s')
    if not trial.failed:
        os.rmdir(trial.folder)
    return 1 if trial.failed else 0


if __name__ == '__main__':
    sys.exit(main())
