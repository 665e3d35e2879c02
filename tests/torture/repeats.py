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


def under_way(answers, times):
    """The numbers whose publish had begun and not ended at one of these times."""
    times = sorted(times)

    def first_from(microseconds):
        return bisect.bisect_left(times, microseconds * 1000)
    return {answer.number for answer in answers
            if first_from(answer.begin) < first_from(answer.begin + answer.took + 1)}


def redeliveries(history, copies, unclear=frozenset()):
    """Of each message that was handled more often than it was at the broker: the lives that handled it before the last
    time, and how many of these times were too many. What a killed one still finishes, such as a handler in a process that
    lives on, was begun before its end and is its own. `unclear`: of these nobody knows how often they were there."""
    def begun_by(entry):
        life, at = history.lives[entry[0]], entry[1].at
        return min(at, life.ended_at) if life.end == 'killed' else at

    seen = collections.defaultdict(list)
    for index, handling in sorted(history.in_time(), key=begun_by):
        seen[handling.number].append(index)
    surplus = [(indices[:-1], len(indices) - max(1, copies.get(number, 1))) for number, indices in seen.items()
               if number not in unclear]
    return [(earlier, count) for earlier, count in surplus if count > 0]


def attribute(repeated, allowed):
    """How many of them are each life's. Of a message that is at the broker twice nobody knows which copy came again: it is
    counted where most room is left, once all that leave no choice are."""
    counts = [0] * len(allowed)
    for earlier, count in sorted(repeated, key=lambda entry: len(entry[0]) - entry[1]):
        for index in sorted(earlier, key=lambda index: counts[index] - allowed[index])[:count]:
            counts[index] += 1
    return counts


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


def judge_redelivery(history, copies, faults, limits, verdict, losses=None, unclear=frozenset()):
    """`losses`: of each life by its name, how often its connection broke; nothing where that is not known."""
    repeated, troubles = redeliveries(history, copies, unclear), stretches(faults)
    allowed = [allowance(life, troubles, limits, None if losses is None else losses[life.name]) for life in history.lives]
    over = [f'{life.name} ({life.end}): {count} of {len(life.handled)} handled again, at most {most} allowed'
            for life, count, most in zip(history.lives, attribute(repeated, allowed), allowed) if count > most]
    verdict.figures.update({'kills': sum(life.end == 'killed' for life in history.lives),
                            'redeliveries': sum(count for _, count in repeated), 'redelivery bound': sum(allowed)})
    verdict.must_be_zero('processes over their redelivery bound', len(over), over[0] if over else '')
