#!/usr/bin/env python3
"""What the checks of a run under faults find: each bad history is named, and good ones pass."""
import json
import os
import tempfile
import unittest

import checker
import liveness
import members
import nemesis
import repeats
import report
import truth
from checker_test import KEYS, SECOND, history, life
from history import Answer, Answers, Fault, Handling, Sample

LIMITS = checker.Limits(max_in_flight=3, concurrency=2)
KAFKA_LIMITS = checker.Limits(max_in_flight=3, concurrency=2, commit_window_ns=SECOND)


def fault(begin, end=None, kind='all reset', cuts=True):
    return Fault(kind, begin * SECOND, (begin if end is None else end) * SECOND, cuts)


def names(verdict):
    return [text.split(':')[0] for text in verdict.violations]


class Entries(unittest.TestCase):
    """What an independent reader finds at the broker."""

    def violations(self, numbers, keys=None, **sets):
        verdict = checker.Verdict()
        truth.judge_entries([((keys or KEYS).get(number, 'k0'), number) for number in numbers],
                            history(**sets), verdict)
        return names(verdict)

    def test_everything_is_there(self):
        self.assertEqual(self.violations(range(10)), [])

    def test_a_copy_is_no_inversion(self):
        self.assertEqual(self.violations([0, 2, 4, 0, 2, 1, 3, 5, 6, 7, 8, 9]), [])

    def test_a_confirmed_message_is_not_there(self):
        self.assertEqual(self.violations(range(9)), ['confirmed, not at the broker'])

    def test_an_aborted_read(self):
        self.assertEqual(self.violations(range(10), confirmed=set(range(9)), not_persisted={9}),
                         ['at the broker though not persisted'])

    def test_a_key_out_of_order(self):
        self.assertEqual(self.violations([2, 0, 1, 3, 4, 5, 6, 7, 8, 9]), ['key order inversions at the broker'])

    def test_a_position_is_one_message(self):
        def violations(*places):
            verdict = checker.Verdict()
            confirmed = {number: Answer('confirmed', number, 'k0', partition=place[0], position=place[1])
                         for number, place in enumerate(places)}
            truth.judge_positions({(0, 0): 0, (0, 1): 1, (1, 0): 2}, confirmed, verdict)
            return names(verdict)
        self.assertEqual(violations((0, 0), (0, 1), (1, 0)), [])
        self.assertEqual(violations((0, 0), (0, 0), (1, 0)), ['confirmed at a position of another message'])
        self.assertEqual(violations((0, 0), (0, -1001)), ['confirmed without a position'])

    def test_a_payload_cut_short(self):
        header = b'00000001 000000000007 000004 89abcdef '
        self.assertEqual(truth.number_of(header + b'body'), 7)
        self.assertEqual(truth.number_of(header + b'bod'), truth.CORRUPT)
        self.assertEqual(truth.number_of(header[:20]), truth.CORRUPT)
        verdict = checker.Verdict()
        truth.judge_entries([('k0', truth.CORRUPT)], history(confirmed=set()), verdict)
        self.assertEqual(names(verdict), ['corrupt at the broker'])


class Copies(unittest.TestCase):
    def violations(self, numbers, losses):
        verdict = checker.Verdict()
        repeats.judge_copies(numbers, losses, 2, verdict)
        return names(verdict)

    def test_a_cut_explains_a_window(self):
        self.assertEqual(self.violations([0, 1, 2, 1, 2], 1), [])

    def test_a_copy_without_a_cut(self):
        self.assertEqual(self.violations([0, 1, 1], 0), ['published twice beyond the bound'])

    def test_more_than_a_window(self):
        self.assertEqual(self.violations([0, 1, 2, 0, 1, 2], 1), ['published twice beyond the bound'])


class Redelivery(unittest.TestCase):
    def violations(self, run, faults=(), copies=None, limits=LIMITS, losses=None, unclear=()):
        verdict = checker.Verdict()
        repeats.judge_redelivery(run, copies or {}, list(faults), limits, verdict, losses, unclear)
        return names(verdict)

    def test_a_cut_explains_what_was_in_flight(self):
        run = history(life('a', [0, 1, 2, 3, 1, 2, 3, 4], 0))
        self.assertEqual(self.violations(run, [fault(3)]), [])

    def test_without_a_fault_nothing_explains_it(self):
        run = history(life('a', [0, 1, 2, 3, 3, 4], 0))
        self.assertEqual(self.violations(run), ['processes over their redelivery bound'])

    def test_a_fault_of_another_time_explains_nothing(self):
        run = history(life('a', [0, 1, 2, 3, 3, 4], 0))
        self.assertEqual(self.violations(run, [fault(100)]), ['processes over their redelivery bound'])
        self.assertEqual(self.violations(run, [fault(1, kind='latency', cuts=False)]),
                         ['processes over their redelivery bound'])

    def test_more_than_was_in_flight(self):
        run = history(life('a', [0, 1, 2, 3, 0, 1, 2, 3], 0))
        self.assertEqual(self.violations(run, [fault(3)]), ['processes over their redelivery bound'])

    def test_a_process_that_lost_no_connection_explains_nothing(self):
        run = history(life('a', [0, 1, 2, 3, 1, 2, 3, 4], 0))
        self.assertEqual(self.violations(run, [fault(3)], losses={'a': 0}), ['processes over their redelivery bound'])
        self.assertEqual(self.violations(run, losses={'a': 1}), [])

    def test_on_kafka_a_fault_also_explains_what_could_not_be_committed(self):
        run = history(life('a', [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5], 0))
        self.assertEqual(self.violations(run, [fault(1, 6)], limits=KAFKA_LIMITS), [])

    def test_a_copy_at_the_broker_is_no_redelivery(self):
        run = history(life('a', [0, 1, 1, 2], 0))
        self.assertEqual(self.violations(run, copies={1: 2}), [])

    def test_what_a_killed_one_finishes_late_is_its_own(self):
        run = history(life('killed', [0], 0, 'killed'), life('heir', [1, 2], 2))
        run.lives[0].handled.append(Handling(1, 'k1', 1, False, 4 * SECOND))
        self.assertEqual(self.violations(run), [])
        run.lives[0].end = 'drained'
        self.assertEqual(self.violations(run), ['processes over their redelivery bound'])

    def test_of_two_copies_either_may_have_come_again(self):
        """A cut loses what the producer would have heard of a message, and what a consumer would have said of it."""
        run = history(life('killed', [0, 1], 0, 'killed'), life('heir', [1, 1, 2], 2))
        self.assertEqual(self.violations(run, copies={1: 2}, losses={'killed': 0, 'heir': 0}), [])
        self.assertEqual(self.violations(run, losses={'killed': 0, 'heir': 0}), ['processes over their redelivery bound'])

    def test_copies_explain_no_more_than_their_number(self):
        run = history(life('a', [0, 1, 1, 1, 2], 0))
        self.assertEqual(self.violations(run, copies={1: 3}), [])
        self.assertEqual(self.violations(run, copies={1: 2}), ['processes over their redelivery bound'])

    def test_what_was_under_way_when_its_connection_broke_is_not_counted(self):
        run = history(life('a', [0, 1, 1, 2, 2], 0))
        self.assertEqual(self.violations(run, unclear={1, 2}), [])
        self.assertEqual(self.violations(run, unclear={1}), ['processes over their redelivery bound'])
        published = [Answer('confirmed', number, 'k0', begin=begin * 1_000_000, took=2_000_000)
                     for number, begin in enumerate([5, 7, 12, 14])]
        self.assertEqual(repeats.under_way(published, [13 * SECOND, 8 * SECOND]), {1, 2})
        self.assertEqual(repeats.under_way(published, [11 * SECOND]), set())

    def test_a_kill_explains_no_more_than_its_own(self):
        run = history(life('a', range(5), 0, 'killed'), life('b', range(5), 100))
        self.assertEqual(self.violations(run), ['processes over their redelivery bound'])


class Ends(unittest.TestCase):
    def violations(self, faults, **details):
        verdict = checker.Verdict()
        checker.judge_ends(history(life('a', [0], 100, **details)), checker.Limits(3, 2, 0, 11), verdict, faults)
        return names(verdict)

    def test_a_drain_may_fail_while_the_broker_is_gone(self):
        self.assertEqual(self.violations([fault(90, 99)], exit_code=1, drain_seconds=2), [])
        self.assertEqual(self.violations([fault(102, 110)], exit_code=1, drain_seconds=2), [])

    def test_not_at_another_time(self):
        self.assertEqual(self.violations([fault(50, 60)], exit_code=1, drain_seconds=2), ['drains that failed'])

    def test_not_by_a_crash_and_not_late(self):
        self.assertEqual(self.violations([fault(90, 99)], exit_code=-11), ['drains that failed'])
        self.assertEqual(self.violations([fault(90, 99)], exit_code=1, drain_seconds=12),
                         ['drains past their deadline'])


def answers(*entries, invoked=None):
    found = Answers(invoked=len(entries) if invoked is None else invoked)
    for number, took in entries:
        found.add(Answer('confirmed', number, 'k0', 0, took, 10_000_000))
    return found


class Publishes(unittest.TestCase):
    def violations(self, *processes):
        verdict = checker.Verdict()
        liveness.judge_answers(processes, verdict)
        return names(verdict)

    def test_in_time(self):
        self.assertEqual(self.violations(answers((0, 10_900_000), (1, 10)), answers()), [])

    def test_more_than_a_second_late(self):
        self.assertEqual(self.violations(answers((0, 11_000_001))), ['ended late'])

    def test_one_has_no_end(self):
        self.assertEqual(self.violations(answers((0, 1), invoked=2)), ['producers with publishes that never ended'])

    def test_a_producer_that_did_not_get_to_its_end(self):
        killed = answers((0, 1))
        killed.invoked = None
        self.assertEqual(self.violations(killed), ['producers with publishes that never ended'])

    def test_one_ends_twice(self):
        self.assertEqual(self.violations(answers((0, 1), (0, 2), invoked=1)), ['ended twice'])


class Stalls(unittest.TestCase):
    def violations(self, times, faults=(), end=100):
        verdict = checker.Verdict()
        times = [time * SECOND for time in times]
        liveness.judge_stalls(times, range(0, 100 * SECOND, SECOND), faults, 0, end * SECOND, 0, verdict)
        return names(verdict)

    def test_steady(self):
        self.assertEqual(self.violations(range(0, 101, 20)), [])

    def test_nothing_for_too_long(self):
        self.assertEqual(self.violations([0, 20, 51, 70, 90]), ['publishing stood still'])

    def test_nothing_at_the_end(self):
        self.assertEqual(self.violations([0, 20, 40, 60]), ['publishing stood still'])

    def test_a_fault_explains_its_own_time(self):
        self.assertEqual(self.violations([0, 40, 70, 90], [fault(10, 15), fault(12, 21)]), [])
        self.assertEqual(self.violations([0, 40, 70, 90], [fault(10, 15), fault(35, 39)]), ['publishing stood still'])

    def test_handling_is_judged_too(self):
        verdict = checker.Verdict()
        liveness.judge_stalls([0], [0, 31 * SECOND], [], 0, 0, 31 * SECOND, verdict)
        self.assertEqual(names(verdict), ['handling stood still'])

    def test_how_soon_it_goes_on(self):
        faults = [fault(10, 12), fault(11, 11), fault(20), fault(30)]
        times = [at * SECOND for at in (11, 13, 31)]
        self.assertEqual(liveness.recoveries(faults, times), [1, 1])
        self.assertEqual(liveness.detections(faults, times), [1, 1])


class Growth(unittest.TestCase):
    def violations(self, **last):
        samples = [Sample(at, 10_000, 20, 5) for at in range(6)]
        samples += [Sample(at, *({'rss_kib': 10_000, 'fds': 20, 'threads': 5} | last).values()) for at in range(3)]
        verdict = checker.Verdict()
        liveness.judge_growth('p', [*samples, None], verdict)
        return names(verdict)

    def test_flat(self):
        self.assertEqual(self.violations(rss_kib=20_000, fds=22), [])

    def test_memory(self):
        self.assertEqual(self.violations(rss_kib=30_000), ['rss_kib grew'])

    def test_file_descriptors(self):
        self.assertEqual(self.violations(fds=30), ['fds grew'])

    def test_threads(self):
        self.assertEqual(self.violations(threads=9), ['threads grew'])


class Plan(unittest.TestCase):
    def test_a_seed_is_a_plan(self):
        one, again, other = (nemesis.plan(nemesis.PROFILES['ci'], 'amqp', seed, 5) for seed in (1, 1, 2))
        self.assertEqual(one, again)
        self.assertNotEqual(one, other)

    def test_it_holds_what_the_profile_asks_for(self):
        for broker in 'kafka', 'amqp':
            profile = nemesis.PROFILES['ci']
            steps = nemesis.plan(profile, broker, 7, 5)
            kinds = [event.kind for step in steps for event in step.events]
            self.assertEqual(kinds.count('broker killed'), profile.broker_kills)
            self.assertEqual(kinds.count('consumer killed'), profile.consumer_kills)
            for kind in nemesis.lasting_kinds(broker)[1:]:
                self.assertGreaterEqual(kinds.count(kind), profile.others)
            self.assertEqual('memory alarm' in kinds, broker == 'amqp')

    def test_an_alarm_finds_a_broker_that_listens(self):
        for seed in range(20):
            for step in nemesis.plan(nemesis.PROFILES['release'], 'amqp', seed, 5):
                self.assertLessEqual(sum(event.kind in nemesis.ONE_AT_A_TIME for event in step.events), 1)


class Everyone(unittest.TestCase):
    def test_answers_of_several_processes(self):
        merged = members.merge([answers((0, 1)), answers((5, 1))])
        self.assertEqual(set(merged.confirmed), {0, 5})


class Report(unittest.TestCase):
    def test_a_newer_run_of_the_same_kind_makes_way_for_none_of_the_others(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'report.md')
            for broker, seed in ('kafka', 1), ('amqp', 2), ('kafka', 3):
                report.keep(path, {'broker': broker, 'profile': 'ci', 'seed': seed, 'confirmed': 1500, 'lost': 0,
                                   'violations': []})
            with open(os.path.join(folder, 'report.json'), encoding='utf-8') as file:
                self.assertEqual([one['seed'] for one in json.load(file)], [2, 3])
            with open(path, encoding='utf-8') as file:
                text = file.read()
            self.assertIn('| seed | 2 | 3 |', text)
            self.assertIn('profile ci: 3,000 confirmed, 0 broker kills', text)


if __name__ == '__main__':
    unittest.main()
