"""Whether everything went on: publishes ended in time, nothing stood still, nothing grew."""
import bisect
import statistics

SECOND = 1_000_000_000
STALL_SECONDS = 30
OVERRUN_US = 1_000_000
GROWTH = {'rss_kib': 16 * 1024, 'fds': 4, 'threads': 2}


def percentiles(values, scale=1.0):
    """p50, p99 and the largest."""
    if not values:
        return None
    ordered = sorted(values)
    return [round(ordered[min(len(ordered) - 1, int(len(ordered) * part))] * scale, 3) for part in (0.5, 0.99, 1.0)]


def judge_answers(processes, verdict):
    """Every publish ended exactly once, at most a second after its deadline."""
    answers = [answer for answers in processes for answer in answers.every()]
    late = [answer for answer in answers if answer.took > answer.deadline + OVERRUN_US]
    verdict.figures['publish p50, p99, max, ms'] = percentiles([answer.took for answer in answers], 1e-3)
    verdict.figures['most past its deadline, ms'] = round(
        max((answer.took - answer.deadline for answer in answers), default=0) / 1e3, 1)
    verdict.must_be_zero('ended late', len(late), late[0].number if late else '')
    verdict.must_be_zero('ended twice', sum(len(answers.twice) for answers in processes))
    open_ends = [answers.invoked is None or answers.invoked != len(answers.every()) for answers in processes]
    verdict.must_be_zero('producers with publishes that never ended', sum(open_ends))


def joined(faults):
    """(begin, end) of the times with a fault."""
    spans = []
    for fault in sorted(faults, key=lambda fault: fault.begin):
        if spans and fault.begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], fault.end))
        else:
            spans.append((fault.begin, fault.end))
    return spans


def longest_stall(progress, faults, begin, end):
    """The longest time between two signs of progress, without what of it was under a fault; and when it began."""
    spans, longest, since = joined(faults), 0, begin
    ends = [span[1] for span in spans]
    times = [begin, *sorted(at for at in progress if begin <= at <= end), end]
    for last, at in zip(times, times[1:]):
        if at - last <= longest:
            continue
        healthy, index = at - last, bisect.bisect_left(ends, last)
        while index < len(spans) and spans[index][0] < at:
            healthy -= min(at, spans[index][1]) - max(last, spans[index][0])
            index += 1
        if healthy > longest:
            longest, since = healthy, last
    return longest / SECOND, since


def judge_stalls(confirms, handlings, faults, begin, end, handled_end, verdict):
    """`confirms` and `handlings` are times; publishing went on from `begin` to `end`, handling to `handled_end`."""
    stalls = {'publishing': longest_stall(confirms, faults, begin, end),
              'handling': longest_stall(handlings, faults, begin, handled_end)}
    for name, (seconds, since) in stalls.items():
        verdict.figures[f'longest stall of {name}, s'] = round(seconds, 1)
        long = seconds > STALL_SECONDS
        verdict.must_be_zero(f'{name} stood still', int(long), f'{seconds:.1f} s, from {(since - begin) / SECOND:.1f} s '
                             'after the start' if long else '')


def recoveries(faults, times):
    """Seconds from the end of each time with a fault to the first of the times, if no other fault came before it."""
    spans, times, seconds = joined(faults), sorted(times), []
    for span, following in zip(spans, [*spans[1:], None]):
        at = bisect.bisect_left(times, span[1])
        if at < len(times) and (following is None or times[at] <= following[0]):
            seconds.append((times[at] - span[1]) / SECOND)
    return seconds


def detections(faults, times):
    """Seconds from the begin of each time with a fault to the first record of a lost connection in it, or between it and
    the next."""
    spans, times, seconds = joined(faults), sorted(times), []
    for span, following in zip(spans, [*spans[1:], None]):
        at = bisect.bisect_left(times, span[0])
        if at < len(times) and (following is None or times[at] < following[0]):
            seconds.append((times[at] - span[0]) / SECOND)
    return seconds


def judge_growth(name, samples, verdict, but=()):
    """What a process held in the last third of its life is what it held in the first."""
    samples = [sample for sample in samples if sample is not None]
    third = len(samples) // 3
    if third == 0:
        return
    for what, most in GROWTH.items():
        if what in but:
            continue
        first, last = (statistics.median(getattr(sample, what) for sample in part)
                       for part in (samples[:third], samples[-third:]))
        verdict.figures[f'{what} of {name}, first and last third'] = [first, last]
        verdict.must_be_zero(f'{what} grew', int(last - first > most), f'{name}, from {first} to {last}')
