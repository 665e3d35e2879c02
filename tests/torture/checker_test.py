#!/usr/bin/env python3
"""The checker finds what is wrong: good histories pass, and of each bad one it names the anomaly."""
import os
import tempfile
import unittest

import checker
import ledger
from history import CORRUPT, Handling, History, Life

SECOND = 1_000_000_000
LIMITS = checker.Limits(max_in_flight=3, concurrency=2, commit_window_ns=SECOND, drain_seconds=11)
KEYS = {number: f'k{number % 2}' for number in range(10)}


def life(name, numbers, begin, end='drained', keys=None, **details):
    """Handles one message a second."""
    handled = [Handling(number, (keys or KEYS).get(number, 'k0'), 1, False, (begin + at) * SECOND)
               for at, number in enumerate(numbers)]
    return Life(name, handled, end, (begin + len(handled)) * SECOND, **details)


def history(*lives, published=None, **sets):
    published = published or KEYS
    return History(published, sets.pop('confirmed', set(published)), lives=list(lives), **sets)


class Checker(unittest.TestCase):
    def judge(self, run):
        verdict = checker.Verdict()
        checker.judge_delivery(run, verdict)
        checker.judge_order(run, verdict)
        checker.judge_redelivery(run, LIMITS, verdict)
        checker.judge_ends(run, LIMITS, verdict)
        return verdict

    def assert_good(self, run):
        self.assertEqual(self.judge(run).violations, [])

    def assert_flagged(self, run, *names):
        """Exactly these anomalies, so that no good property is taken for a bad one either."""
        violations = self.judge(run).violations
        self.assertEqual([text.split(':')[0] for text in violations], list(names))


class GoodHistory(Checker):
    def test_everything_once(self):
        self.assert_good(history(life('a', range(10), 0)))

    def test_a_kill_may_repeat_what_was_in_flight(self):
        run = history(life('a', range(5), 0, 'killed'), life('b', range(2, 10), 100))
        self.assert_good(run)
        self.assertEqual(self.judge(run).figures['redeliveries'], 3)

    def test_keys_may_overtake_each_other(self):
        self.assert_good(history(life('a', [1, 3, 5, 7, 9, 0, 2, 4, 6, 8], 0)))

    def test_of_what_was_not_confirmed_nobody_knows_when_it_comes(self):
        run = history(life('a', [0, 2, 4, 6, 8, 1, 3, 7, 5, 9], 0), confirmed=set(range(10)) - {5})
        self.assert_good(run)
        self.assertEqual(self.judge(run).figures['unknown, and late'], 1)

    def test_what_was_not_confirmed_may_be_missing_or_there(self):
        self.assert_good(history(life('a', range(9), 0), confirmed=set(range(8))))


class BadHistory(Checker):
    def test_a_confirmed_message_is_missing(self):
        self.assert_flagged(history(life('a', range(9), 0)), 'lost')

    def test_a_message_nobody_published(self):
        self.assert_flagged(history(life('a', [*range(10), 99], 0)), 'unexpected')

    def test_a_message_that_was_reported_as_not_persisted(self):
        run = history(life('a', range(10), 0), confirmed=set(range(9)), not_persisted={9})
        self.assert_flagged(run, 'handled though not persisted')

    def test_a_message_whose_bytes_have_changed(self):
        self.assert_flagged(history(life('a', [*range(10), CORRUPT], 0)), 'corrupt')

    def test_a_message_with_another_key(self):
        self.assert_flagged(history(life('a', range(10), 0, keys={**KEYS, 9: 'k7'})), 'wrong key')

    def test_a_key_out_of_order(self):
        self.assert_flagged(history(life('a', [0, 1, 4, 2, 3, 5, 6, 7, 8, 9], 0)), 'key order inversions')

    def test_a_key_out_of_order_around_one_that_was_not_confirmed(self):
        self.assert_flagged(history(life('a', [0, 2, 6, 4, 8, 1, 3, 5, 7, 9], 0), confirmed=set(range(10)) - {8}),
                            'key order inversions')

    def test_a_key_out_of_order_across_processes(self):
        run = history(life('a', [0, 1, 2, 3, 6], 0, 'killed'), life('b', [4, 5, 7, 8, 9], 100))
        self.assert_flagged(run, 'key order inversions')

    def test_a_key_out_of_order_between_processes_that_run_at_once(self):
        late = Life('b', [Handling(0, 'k0', 1, False, SECOND // 2)])
        self.assert_flagged(history(Life('a', [Handling(2, 'k0', 1, False, 0)]), late, published={0: 'k0', 2: 'k0'}),
                            'key order inversions')

    def test_a_kill_repeats_more_than_was_in_flight(self):
        run = history(life('a', range(10), 0, 'killed'), life('b', range(5, 10), 100))
        self.assert_flagged(run, 'kills over their bound')

    def test_a_careful_kill_does_not_pay_for_a_bad_one(self):
        run = history(life('a', range(2), 0, 'killed'), life('b', range(2, 10), 100, 'killed'),
                      life('c', range(5, 10), 200))
        self.assert_flagged(run, 'kills over their bound')

    def test_a_drain_leaves_something_behind(self):
        run = history(life('a', range(5), 0), life('b', range(4, 10), 100))
        self.assert_flagged(run, 'redelivered after a clean drain')

    def test_one_process_handles_a_message_twice(self):
        self.assert_flagged(history(life('a', [*range(10), 9], 0)), 'handled twice by one process')

    def test_a_drain_takes_too_long(self):
        self.assert_flagged(history(life('a', range(10), 0, drain_seconds=11.5)), 'drains past their deadline')

    def test_a_drain_ends_with_an_error(self):
        self.assert_flagged(history(life('a', range(10), 0, exit_code=1)), 'drains that failed')


class Effects(unittest.TestCase):
    def violations(self, run, store_kills=0):
        verdict = checker.Verdict()
        checker.judge_effects(run, LIMITS, store_kills, 1, verdict)
        return [text.split(':')[0] for text in verdict.violations]

    def test_a_kill_explains_as_many_extra_effects_as_it_had_workers(self):
        self.assertEqual(self.violations(history(life('a', [0, 1], 0, 'killed'), life('b', [2, 3], 9))), [])

    def test_more_than_that_is_unexplained(self):
        run = history(life('a', [0, 1, 2], 0, 'killed'), life('b', [5, 4, 6], 9))
        self.assertEqual(self.violations(run), ['extra effects without a kill to explain them'])

    def test_an_extra_effect_without_a_kill(self):
        run = history(life('a', [0, 1, 2], 0))
        self.assertEqual(self.violations(run), ['extra effects without a kill to explain them'])
        self.assertEqual(self.violations(run, store_kills=1), [])

    def test_a_key_that_took_no_effect(self):
        self.assertEqual(self.violations(history(life('a', [0], 0))), ['keys without an effect'])

    def test_an_effect_of_a_key_that_nobody_published(self):
        run = history(life('a', [0, 1], 0), life('b', [2], 9, keys={2: 'k7'}))
        self.assertEqual(self.violations(run), ['effects of unknown keys'])


class Redrive(unittest.TestCase):
    def violations(self, run):
        verdict = checker.Verdict()
        checker.judge_redrive(run, 2, verdict)
        return [text.split(':')[0] for text in verdict.violations]

    def test_a_kill_brings_back_a_window_twice(self):
        self.assertEqual(self.violations(history(life('a', [0, 1, 2, 1, 2, 3], 0))), [])

    def test_more_than_the_window_comes_twice(self):
        run = history(life('a', [0, 1, 2, 0, 1, 2, 3], 0))
        self.assertEqual(self.violations(run), ['handled again beyond the bound'])

    def test_an_attempt_that_goes_on_counting(self):
        run = history(Life('a', [Handling(0, 'k0', 6, False, 0)]))
        self.assertEqual(self.violations(run), ['attempt not reset'])


class Ledger(unittest.TestCase):
    def test_a_torn_line_is_not_read(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'ledger')
            with open(path, 'w', encoding='utf-8') as file:
                file.write(f'{"7 k1 1 1 42":127}\n')
            self.assertEqual(ledger.read_handlings(path), [Handling(7, 'k1', 1, True, 42)])
            with open(path, 'a', encoding='utf-8') as file:
                file.write('8 k1 1')
            self.assertEqual(ledger.count_lines(path), 1)
            with self.assertRaisesRegex(ValueError, 'torn'):
                ledger.read_handlings(path)


if __name__ == '__main__':
    unittest.main()
