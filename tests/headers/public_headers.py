#!/usr/bin/env python3
"""Checks the public headers with the compiler that builds the library.

Usage: public_headers.py CHECK INCLUDE_DIR COMPILER [FLAG...]
  alone     each header compiles by itself
  vendors   no third-party and no heavy standard header is reachable from one that is not opt-in
  weight    the umbrella header has every header that is not opt-in, in at most 100,000 preprocessed lines
"""
import pathlib
import re
import subprocess
import sys

OPT_IN = {'json.hpp', 'protobuf.hpp'}  # these bring their library
UMBRELLA = 'fairlead.hpp'
MAX_UMBRELLA_LINES = 100_000
VENDOR = re.compile(r'rdkafka|amqp\.h|amqp_|rabbitmq|nlohmann|spdlog|/fmt/|boost|yaml|openssl|sqlite|hiredis|google/protobuf')
HEAVY = re.compile(r'^\s*#\s*include\s*<(iostream|regex|filesystem|future|thread|mutex)>', re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s*<fairlead/([^>]+)>', re.MULTILINE)


def headers(include):
    root = include / 'fairlead'
    return sorted(str(path.relative_to(root)) for path in root.rglob('*.hpp'))


def compile_header(include, compiler, header, *flags):
    return subprocess.run([*compiler, '-std=c++20', f'-I{include}', *flags, '-x', 'c++', '-'],
                          input=f'#include <fairlead/{header}>\n', capture_output=True, text=True)


def alone(include, compiler):
    flags = '-fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror'.split()
    for header in headers(include):
        result = compile_header(include, compiler, header, *flags)
        if result.returncode != 0:
            yield f'{header} does not compile alone:\n{result.stderr}'


def vendors(include, compiler):
    for header in headers(include):
        text = (include / 'fairlead' / header).read_text()
        for heavy in HEAVY.findall(text):
            yield f'{header} includes <{heavy}>'
        if header in OPT_IN:
            continue
        result = compile_header(include, compiler, header, '-M')
        if result.returncode != 0:
            yield f'{header}: no dependencies:\n{result.stderr}'
        own = f'{include}/fairlead/'
        reached = [path for path in result.stdout.replace('\\\n', ' ').split() if not path.startswith(own)]
        for path in filter(VENDOR.search, reached):
            yield f'{header} reaches {path}'


def reachable(include, header, seen):
    if header not in seen:
        seen.add(header)
        for included in INCLUDE.findall((include / 'fairlead' / header).read_text()):
            reachable(include, included, seen)
    return seen


def weight(include, compiler):
    included = reachable(include, UMBRELLA, set())
    for header in headers(include):
        if header != UMBRELLA and not header.startswith('detail/') and (header in OPT_IN) == (header in included):
            yield f'{header} is {"opt-in but" if header in OPT_IN else "not"} in {UMBRELLA}'
    result = compile_header(include, compiler, UMBRELLA, '-E')
    lines = result.stdout.count('\n')
    print(f'{UMBRELLA}: {lines} preprocessed lines')
    if result.returncode != 0 or lines > MAX_UMBRELLA_LINES:
        yield f'{UMBRELLA} has {lines} preprocessed lines, more than {MAX_UMBRELLA_LINES}\n{result.stderr}'


def main():
    check = {'alone': alone, 'vendors': vendors, 'weight': weight}[sys.argv[1]]
    include, compiler = pathlib.Path(sys.argv[2]), sys.argv[3:]
    found = list(check(include, compiler)) if headers(include) else [f'no headers in {include}/fairlead']
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
