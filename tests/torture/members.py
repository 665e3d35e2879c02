"""Those who publish and those who consume while the nemesis is at work."""
import os
import random
import time

import ledger
import processes
from history import Answers, Sample
from nemesis import CRASH_POINTS

WATCH_SECONDS = 0.05
SAMPLE_SECONDS = 1
CRASH_SECONDS = 2  # for a message to come by
MIN_MEMBERS, MEMBERS, MAX_MEMBERS = 2, 3, 4
DRAIN_SECONDS = 25
DRAIN_GRACE_SECONDS = 1
CLOSE_SECONDS = 60  # torture_producer's


def sample(pid):
    """What a process holds now; nothing when it has ended."""
    try:
        with open(f'/proc/{pid}/status', encoding='utf-8') as file:
            lines = dict(line.split(':', 1) for line in file if ':' in line)
        return Sample(time.monotonic_ns(), int(lines['VmRSS'].split()[0]), len(os.listdir(f'/proc/{pid}/fd')),
                      int(lines['Threads']))
    except (FileNotFoundError, ProcessLookupError, KeyError):
        return None


class LoadProducer(processes.Command):
    """Publishes at a rate until it is told to stop."""

    def __init__(self, setting, number, keys, rate, run):
        self.ledger, self.samples = setting.path(f'producer-{number}.ledger'), []
        super().__init__(setting, f'producer-{number}', [
            setting.program('torture_producer'), setting.url, setting.config(f'producer-{number}'), self.ledger, 0, keys,
            '--process', number, '--rate', rate, '--max-body', 65536, '--hurried', 5, '--may-fail', 1, '--run', run,
            '--seed', setting.random.getrandbits(31)])

    def count(self):
        return ledger.count_lines(self.ledger)

    def check_alive(self):
        if self.process.poll() is not None:
            raise processes.Stuck(f'{self.name} ended by itself with {self.process.returncode}: '
                                  f'{self.setting.log_of(self.name)}')
        self.samples.append(sample(self.process.pid))


class Members:
    """The consumer processes of one group and the producers. Who is killed is replaced at once."""

    def __init__(self, scenario, setting, rate, producers, run_id):
        self.scenario, self.setting, self.run_id = scenario, setting, run_id
        self.chance = random.Random(setting.random.getrandbits(31))
        self.lives, self.leaving, self.members, self.started, self.sampled_at = [], [], [], 0, 0.0
        self.others = []  # who else has to stay alive
        self.crashes, self.are_publishing = {}, True
        self.producers = [scenario.add(LoadProducer(setting, number, 50, rate, run_id))
                          for number in range(producers)]
        for _ in range(MEMBERS):
            self.join()

    def join(self, place=None):
        if len(self.members) >= MAX_MEMBERS:
            return
        if place is None:
            place = min(set(range(MAX_MEMBERS)) - {member.place for member in self.members})
        self.started += 1
        # Half the places are static members, of whom Kafka expects that they come back.
        member = self.scenario.consumer(f'consumer-{self.started}', f'torture-{place}' if place % 2 else None,
                                        drain_seconds=DRAIN_SECONDS, run=self.run_id,
                                        crash_point=self.chance.choice(CRASH_POINTS))
        member.place, member.seen = place, 0
        self.members.append(member)

    def busiest_first(self):
        """With a single active consumer for each queue, some members have nothing to do."""
        done = {member: member.count() - member.seen for member in self.members}
        for member in self.members:
            member.seen = member.count()
        return sorted(self.members, key=done.get, reverse=True)

    def kill(self, choice, how):
        member = self.busiest_first()[int(len(self.members) * choice ** 2)]
        before = member.process.returncode
        if how == 'crash point':
            member.crash(CRASH_SECONDS)
            died_there = before is None and member.process.returncode is not None
            name = member.crash_point if died_there else 'none'
            self.crashes[name] = self.crashes.get(name, 0) + 1
        else:
            member.kill()
        self.members.remove(member)
        self.lives.append(member.life)
        self.join(member.place)

    def leave(self, choice):
        if len(self.members) <= MIN_MEMBERS:
            return
        member = self.members.pop(int(choice * len(self.members)))
        member.tell_to_stop()
        self.leaving.append(member)

    def watch(self, seconds):
        """Waits, and looks after everyone meanwhile."""
        deadline = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            if now - self.sampled_at >= SAMPLE_SECONDS:
                self.sampled_at = now
                for process in [*(self.producers if self.are_publishing else []), *self.members, *self.others]:
                    process.check_alive()
            for member in [member for member in self.leaving if member.process.poll() is not None]:
                self.gone(member)
            if now >= deadline:
                return
            time.sleep(min(WATCH_SECONDS, deadline - now))

    def gone(self, member):
        member.wait_for_end(DRAIN_SECONDS + DRAIN_GRACE_SECONDS)
        self.leaving.remove(member)
        self.lives.append(member.life)

    def answered(self):
        return sum(producer.count() for producer in self.producers)

    def handled(self):
        everyone = [*self.members, *self.leaving]
        return sum(len(life.handled) for life in self.lives) + sum(member.count() for member in everyone)

    def handled_numbers(self):
        handlings = [handling for life in self.lives for handling in life.handled]
        for member in [*self.members, *self.leaving]:
            handlings += ledger.read_handlings(member.ledger)
        return {handling.number for handling in handlings}

    def finish_producers(self):
        """Tells them to stop; how every publish ended, and what the processes did that it never was to do."""
        wrong, answers, self.are_publishing = [], [], False
        for producer in self.producers:
            producer.process.terminate()
        deadline = time.monotonic() + CLOSE_SECONDS + 30
        for producer in self.producers:
            try:
                code = producer.process.wait(max(1, deadline - time.monotonic()))
                if code != 0:
                    wrong.append(f'{producer.name} ended with {code}: {self.setting.log_of(producer.name)[:400]}')
            except processes.subprocess.TimeoutExpired:
                wrong.append(f'{producer.name} did not end')
                producer.close()
            answers.append(ledger.read_answers(producer.ledger))
        return answers, wrong

    def drain(self, confirmed, seconds):
        """Until all of that was handled and nothing more comes, or for so long; what is missing, the checker names."""
        deadline, last, since = time.monotonic() + seconds, -1, 0.0
        while time.monotonic() < deadline:
            self.watch(0.2)
            if self.handled() != last:
                last, since = self.handled(), time.monotonic()
            if time.monotonic() - since > 2 and not confirmed - self.handled_numbers():
                return
            if time.monotonic() - since > 60:
                return

    def finish(self):
        for member in self.members:
            member.tell_to_stop()
        for member in [*self.members, *self.leaving]:
            member.wait_for_end(DRAIN_SECONDS + DRAIN_GRACE_SECONDS)
            self.lives.append(member.life)
        self.members, self.leaving = [], []
        return self.lives


def merge(answers):
    """Of several processes, whose numbers differ."""
    merged = Answers()
    for one in answers:
        for how, ended in one.by_end().items():
            merged.by_end()[how].update(ended)
        merged.twice += one.twice
    return merged
