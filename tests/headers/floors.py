#!/usr/bin/env python3
"""Checks that includes in src/ run down the floors of the house, and that vendor headers stay where they belong.

Usage: floors.py SRC    prints every violation; exit code 1 when there is one
"""
import pathlib
import re
import sys

# A room may include rooms of lower floors only: neither up nor sideways.
FLOORS = [
    {'core'},
    {'config', 'idempotency', 'observe', 'codec', 'resilience'},
    {'publish'},
    {'consume'},
    {'broker'},
    {'memory', 'kafka', 'amqp'},
    {'open.cpp'},
    {'cli'},
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS, 1) for room in rooms}

# Where the headers of a third-party library may be included; `once` in one file of that room.
VENDORS = [
    (re.compile(r'librdkafka/|rdkafka'), 'kafka', False),
    (re.compile(r'amqp[._]|rabbitmq-c/'), 'amqp', False),
    (re.compile(r'openssl/'), 'amqp', False),
    (re.compile(r'spdlog/|fmt/'), 'observe', True),
    (re.compile(r'yaml-cpp/'), 'config', True),
    (re.compile(r'nlohmann/'), 'cli', False),
    (re.compile(r'CLI/'), 'cli', False),
    (re.compile(r'sqlite3'), 'idempotency', True),
    (re.compile(r'hiredis/'), 'idempotency', True),
    (re.compile(r'boost/|google/'), None, False),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def room_of(path):
    return path.parts[0]


def violations(src):
    files = sorted(path for path in src.rglob('*') if path.suffix in ('.hpp', '.cpp'))
    if not files:
        yield f'{src}: no sources found'
    users = {}
    for file in files:
        name = file.relative_to(src)
        room = room_of(name)
        if room not in FLOOR_OF:
            yield f'{name}: room {room} has no floor in floors.py'
            continue
        for kind, included in INCLUDE.findall(file.read_text()):
            if kind == '"':
                yield from quoted(src, name, room, included)
                continue
            for pattern, home, once in VENDORS:
                if pattern.match(included):
                    users.setdefault((pattern.pattern, once), set()).add(str(name))
                    if room != home:
                        yield f'{name}: <{included}> belongs to {home or "no room"}'
    for (pattern, once), names in users.items():
        if once and len(names) > 1:
            yield f'{pattern} is included by {len(names)} files, expected one: {", ".join(sorted(names))}'


def quoted(src, name, room, included):
    other = room_of(pathlib.PurePosixPath(included))
    if not (src / included).is_file():
        yield f'{name}: "{included}" is not a path below src/'
    elif other != room and FLOOR_OF.get(other, 99) >= FLOOR_OF[room]:
        direction = 'sideways' if FLOOR_OF.get(other) == FLOOR_OF[room] else 'up'
        yield f'{name}: "{included}" leads {direction}, from floor {FLOOR_OF[room]} ({room}) to {other}'


def main():
    found = list(violations(pathlib.Path(sys.argv[1])))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
