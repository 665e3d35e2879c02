"""Reads what torture_producer and torture_consumer have written down (ledger.hpp)."""
import os

from history import Handling

LINE_BYTES = 64


def count_lines(path):
    """How many lines there are by now; cheap enough to ask every few milliseconds."""
    try:
        return os.stat(path).st_size // LINE_BYTES
    except FileNotFoundError:
        return 0


def read_lines(path):
    if not os.path.exists(path):
        return []
    with open(path, 'rb') as file:
        data = file.read()
    if len(data) % LINE_BYTES:
        raise ValueError(f'{path}: the last line is torn')
    return [data[at:at + LINE_BYTES].decode().split() for at in range(0, len(data), LINE_BYTES)]


def read_handlings(path):
    return [Handling(int(number), key, int(attempt), redelivered == '1', int(at))
            for number, key, attempt, redelivered, at in read_lines(path)]


def read_answers(path):
    """Number and key of every publish, by how it ended."""
    answers = {'confirmed': {}, 'unknown': {}, 'not_persisted': {}, 'unroutable': {}}
    for how, number, key in read_lines(path):
        answers[how][int(number)] = key
    return answers
