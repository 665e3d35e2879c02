"""One run on the memory broker, which lives and dies with its process."""
import random

import checker
import ledger
import liveness
import members
import nemesis
import processes
import repeats
import scenarios
from history import Life
from onslaught import AUDIT, CONCURRENCY, MAX_IN_FLIGHT, PRODUCERS, configure, library_versions


class InMemory:
    """Producers and members are threads of one program, and members end without time to finish anything."""
    SECONDS, RATE = {'smoke': 15, 'ci': 40, 'release': 60}, {'smoke': 1500, 'ci': 4000, 'release': 4000}

    def __init__(self, arguments, folder):
        self.arguments, self.profile = arguments, nemesis.PROFILES[arguments.profile]
        self.folder, self.figures = folder, {}

    def run(self):
        arguments, chance, run_id = self.arguments, random.Random(self.arguments.seed), 1
        url = 'memory://torture'
        setting = processes.Setting('memory', url, arguments.programs, self.folder, chance, {})
        configure(setting)
        setting.groups.remove(AUDIT)
        setting.settings['memory'] = {'max_bytes': 2 << 30}
        setting.kafka_conf = {}
        self.figures['versions'] = library_versions(setting)
        words = [setting.program('torture_memory'), url, setting.config('memory'), self.folder,
                 self.SECONDS[arguments.profile], '--producers', PRODUCERS, '--members', members.MEMBERS,
                 '--kills', self.profile.consumer_kills, '--rate', self.RATE[arguments.profile], '--run', run_id,
                 '--seed', chance.getrandbits(31)]
        processes.Command(setting, 'memory', words).finish(self.SECONDS[arguments.profile] + 120)
        of_each = [ledger.read_answers(setting.path(f'producer-{number}.ledger')) for number in range(PRODUCERS)]
        return self.judge(members.merge(of_each), of_each, [self.life(setting, *words) for words
                                                            in ledger.read_lines(setting.path('lives'))])

    @staticmethod
    def life(setting, name, end, began, ended, drain):
        return Life(name, ledger.read_handlings(setting.path(f'{name}.ledger')), end, int(ended),
                            drain_seconds=int(drain) / 1e9, began_at=int(began))

    def judge(self, answers, of_each, lives):
        verdict, run = checker.Verdict(), scenarios.history_of(answers, lives)
        limits = checker.Limits(MAX_IN_FLIGHT, CONCURRENCY, 0, 10)
        verdict.figures.update({'attempted': len(run.published), 'confirmed': len(answers.confirmed),
                                'unknown': len(answers.unknown), 'not persisted': len(answers.not_persisted),
                                'unroutable': len(answers.unroutable)})
        checker.judge_delivery(run, verdict)
        checker.judge_order(run, verdict)
        repeats.judge_redelivery(run, {}, [], limits, verdict)
        checker.judge_ends(run, limits, verdict)
        liveness.judge_answers(of_each, verdict)
        confirms = [(answer.begin + answer.took) * 1000 for answer in answers.confirmed.values()]
        handlings = [handling.at for life in lives for handling in life.handled]
        liveness.judge_stalls(confirms, handlings, [], min(confirms), max(confirms), max(handlings), verdict)
        verdict.figures['consumer kills'] = sum(life.end == 'killed' for life in lives)
        if len(answers.confirmed) < self.profile.confirmed:
            verdict.violations.append(f'too little was done: {len(answers.confirmed)} confirmed')
        return verdict
