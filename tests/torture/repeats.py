"""How often anything was there or was handled more than once, against what the faults of the run explain."""
import bisect
import collections

from checker import AFTERMATH_NS


def judge_copies(numbers, losses, window, verdict):
    """Copies at the broker: each of so many times that the connection of a producer broke, there may be one of every
    publish that had no answer yet."""
    copies = collections.Counter(numbers)
    extra = sum(count - 1 for count in copies.values())
    bound = losses * window
    verdict.figures.update({'published twice': extra, 'published twice, bound': bound})
    verdict.must_be_zero('published twice beyond the bound', max(0, extra - bound))
    return copies


def redeliveries(history, copies):
    """For each life what it handled and someone handled again, without what was at the broker more than once. What a
    killed one still finishes, such as a handler in a process that lives on, was begun before its end and is its own."""
    def begun_by(entry):
        life, at = history.lives[entry[0]], entry[1].at
        return min(at, life.ended_at) if life.end == 'killed' else at

    seen = collections.defaultdict(list)
    for index, handling in sorted(history.in_time(), key=begun_by):
        seen[handling.number].append((index, handling))
    repeated = collections.defaultdict(list)
    for number, handlings in seen.items():
        for index, handling in handlings[max(0, copies.get(number, 1) - 1):-1]:
            repeated[index].append(handling)
    return repeated


def stretches(faults):
    """(begin, end, how many faults) of the times in which settling may fail, those that touch joined."""
    joined = []
    for fault in sorted((fault for fault in faults if fault.cuts), key=lambda fault: fault.begin):
        end = fault.end + AFTERMATH_NS
        if joined and fault.begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]), joined[-1][2] + 1)
        else:
            joined.append((fault.begin, end, 1))
    return joined


def allowance(life, troubles, limits, losses=None):
    """What of this life may be handled again: of a kill, and of each time its connection broke, what was in flight; and,
    where a broker is told positions, what was handled since the last commit that can have arrived. `losses`: how often
    its connection broke, if that is known; otherwise as often as there was a fault."""
    times = [handling.at for handling in life.handled]

    def handled_between(begin, end):
        return bisect.bisect_right(times, end) - bisect.bisect_left(times, begin)

    allowed = 0
    if life.end == 'killed':
        allowed += limits.max_in_flight + handled_between(life.ended_at - limits.commit_window_ns, life.ended_at)
    if losses is not None:
        return min(len(times), allowed + losses * limits.max_in_flight)
    for begin, end, count in troubles:
        if begin > life.ended_at or end < life.began_at:
            continue
        allowed += count * limits.max_in_flight
        if limits.commit_window_ns:
            allowed += handled_between(begin - limits.commit_window_ns, end)
    return min(len(times), allowed)


def judge_redelivery(history, copies, faults, limits, verdict, losses=None):
    """`losses`: of each life by its name, how often its connection broke; nothing where that is not known."""
    repeated, troubles = redeliveries(history, copies), stretches(faults)
    bound, over = 0, []
    for index, life in enumerate(history.lives):
        allowed = allowance(life, troubles, limits, None if losses is None else losses[life.name])
        bound += allowed
        if len(repeated[index]) > allowed:
            over.append(f'{life.name} ({life.end}): {len(repeated[index])} of {len(life.handled)} handled again, at most '
                        f'{allowed} allowed')
    verdict.figures.update({'kills': sum(life.end == 'killed' for life in history.lives),
                            'redeliveries': sum(map(len, repeated.values())), 'redelivery bound': bound})
    verdict.must_be_zero('processes over their redelivery bound', len(over), over[0] if over else '')
