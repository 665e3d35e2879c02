"""Judges a history: set algebra, order, and how much was handled again. Pure functions, no processes and no clock."""
import dataclasses

from history import CORRUPT


@dataclasses.dataclass(frozen=True)
class Limits:
    max_in_flight: int  # of one consumer process
    concurrency: int
    # Finished and settled, but the broker had not acknowledged the commit: commits go out one at a time, and this is
    # what one may take on a busy machine. Nothing on a broker that itself counts what it has handed out.
    commit_window_ns: int = 0
    drain_seconds: float = float('inf')


@dataclasses.dataclass
class Verdict:
    figures: dict = dataclasses.field(default_factory=dict)
    violations: list = dataclasses.field(default_factory=list)

    def must_be_zero(self, name, found, example=''):
        self.figures[name] = found
        if found:
            self.violations.append(f'{name}: {found}' + (f', such as {example}' if example != '' else ''))

    def must_be_empty(self, name, found):
        self.must_be_zero(name, len(found), min(found, default=''))


def judge_delivery(history, verdict):
    """Everything confirmed was handled, and nothing else; under its key."""
    handlings = [handling for life in history.lives for handling in life.handled]
    handled = {handling.number for handling in handlings} - {CORRUPT}
    verdict.figures.update(published=len(history.published), confirmed=len(history.confirmed),
                           handled=len(handlings), distinct=len(handled))
    verdict.must_be_zero('corrupt', sum(handling.number == CORRUPT for handling in handlings))
    verdict.must_be_empty('lost', history.confirmed - handled)
    verdict.must_be_empty('unexpected', handled - history.published.keys())
    verdict.must_be_empty('handled though not persisted', handled & history.not_persisted)
    verdict.must_be_empty('wrong key', {handling.number for handling in handlings
                                        if history.published.get(handling.number, handling.key) != handling.key})


def inversions(entries, confirmed):
    """Of (key, number) in the order of their arrival, those that came for the first time behind a later one of their
    key: the ones that were promised their place, and the ones of which nobody knows whether and when the broker takes
    them in (such as what a connection that broke still carried)."""
    newest, newest_confirmed, seen, broken, unknown = {}, {}, set(), [], []
    for key, number in entries:
        if number in seen or number == CORRUPT:
            continue
        seen.add(number)
        if number in confirmed:
            if number < newest_confirmed.get(key, -1):
                broken.append(number)
            newest_confirmed[key] = max(number, newest_confirmed.get(key, -1))
        elif number < newest.get(key, -1):
            unknown.append(number)
        newest[key] = max(number, newest.get(key, -1))
    return broken, unknown


def judge_order(history, verdict):
    """The first handlings of a key's confirmed messages are in publish order."""
    broken, unknown = inversions([(handling.key, handling.number) for _, handling in history.in_time()],
                                 history.confirmed)
    verdict.must_be_empty('key order inversions', broken)
    verdict.figures['unknown, and late'] = len(unknown)


def handled_again(history, identity=lambda handling: handling.number):
    """Handlings that were repeated later, by the life that did them first: {life: [handling]}, and how many of them were
    repeated within the same life."""
    latest, again, within = {}, {}, {}
    for index, handling in history.in_time():
        name = identity(handling)
        if name in latest:
            before, earlier = latest[name]
            again.setdefault(before, []).append(earlier)
            if before == index:
                within[index] = within.get(index, 0) + 1
        latest[name] = (index, handling)
    return again, within


def judge_redelivery(history, limits, verdict):
    """Handled again is at most what a killed process had finished, but not settled at the broker: above the watermark,
    at most `max_in_flight`, and within the commit on its way. A process that drained leaves nothing."""
    again, within = handled_again(history)
    bound, worst, oldest = 0, 0.0, 0
    after_drain, over = 0, []
    for index, life in enumerate(history.lives):
        repeated = again.get(index, [])
        if life.end != 'killed':
            after_drain += len(repeated) - within.get(index, 0)
            continue
        since = life.ended_at - limits.commit_window_ns
        allowed = limits.max_in_flight + sum(handling.at > since for handling in life.handled)
        bound += allowed
        worst = max(worst, len(repeated) / allowed)
        oldest = max([oldest, *(life.ended_at - handling.at for handling in repeated)])
        if len(repeated) > allowed:
            over.append(f'{life.name} left {len(repeated)}, at most {allowed} allowed')
    verdict.figures.update({'kills': sum(life.end == 'killed' for life in history.lives),
                            'redeliveries': sum(map(len, again.values())), 'redelivery bound': bound,
                            'worst kill, part of its bound': round(worst, 3),
                            'oldest redelivered, ms before the kill': round(oldest / 1e6, 1)})
    verdict.must_be_zero('kills over their bound', len(over), over[0] if over else '')
    verdict.must_be_zero('redelivered after a clean drain', after_drain)
    verdict.must_be_zero('handled twice by one process', sum(within.values()))


AFTERMATH_NS = 15_000_000_000  # a fault's consequences take this long: a dead peer is noticed, members rejoin


def is_excused(life, faults):
    """Whether it was told to stop while the broker could not take what it wanted to settle."""
    end = life.ended_at + int(life.drain_seconds * 1e9)
    return any(fault.begin < end and life.ended_at < fault.end + AFTERMATH_NS for fault in faults)


def judge_ends(history, limits, verdict, faults=()):
    """Who was told to stop left in time, and in order unless the broker was not there."""
    drained = [life for life in history.lives if life.end != 'killed']
    verdict.figures['drains'] = len(drained)
    if drained:
        slowest = max(drained, key=lambda life: life.drain_seconds)
        verdict.figures['slowest drain, s'] = round(slowest.drain_seconds, 3)
        verdict.figures['slowest to drain'] = f'{slowest.name}, after {len(slowest.handled)} messages'
    failed = [life for life in drained if life.exit_code != 0]
    excused = [life for life in failed if life.exit_code == 1 and is_excused(life, faults)]
    if faults:
        verdict.figures['drains that a fault cut short'] = len(excused)
    verdict.must_be_empty('drains that failed', [life.name for life in failed if life not in excused])
    verdict.must_be_empty('drains past their deadline',
                          [life.name for life in drained if life.drain_seconds > limits.drain_seconds])


def judge_effects(history, limits, store_kills, members, verdict):
    """Each business key (the message key) took effect, and once more only where a kill fell between the effect and its
    mark: of a killed process, what its workers were at; of a killed store, what all of them were at."""
    keys = {history.published[number] for number in history.confirmed}
    effects = {handling.key for life in history.lives for handling in life.handled}
    verdict.figures.update({'business keys': len(keys), 'effects': sum(len(life.handled) for life in history.lives)})
    verdict.must_be_empty('keys without an effect', keys - effects)
    verdict.must_be_empty('effects of unknown keys', effects - set(history.published.values()))
    again, _ = handled_again(history, identity=lambda handling: handling.key)
    store_allowance = store_kills * members * limits.concurrency
    kills, unexplained = 0, 0
    for index, life in enumerate(history.lives):
        allowed = limits.concurrency if life.end == 'killed' else 0
        kills += life.end == 'killed'
        unexplained += max(0, len(again.get(index, [])) - allowed)
    verdict.figures.update({'kills': kills, 'store kills': store_kills, 'extra effects': sum(map(len, again.values())),
                            'extra effects bound': kills * limits.concurrency + store_allowance})
    verdict.must_be_zero('extra effects without a kill to explain them', max(0, unexplained - store_allowance))


def judge_redrive(history, window, verdict):
    """A dead letter comes back as a new message; twice at most where the redrive was killed before it had settled it."""
    handlings = [handling for life in history.lives for handling in life.handled]
    repeated = len(handlings) - len({handling.number for handling in handlings})
    verdict.figures.update({'handled again': repeated, 'handled again bound': window})
    verdict.must_be_zero('handled again beyond the bound', max(0, repeated - window))
    verdict.must_be_empty('attempt not reset', [handling.number for handling in handlings if handling.attempt != 1])
