"""The results of runs, as a table for people and as JSON for programs."""
import json
import os

TITLE = '# Torture report\n'
TEXT = '''
What survived `tests/torture/run.sh`: processes that publish and consume through the library while brokers are killed and
stopped, connections are cut, held and garbled, and consumers die. A seed repeats what is done, not
how long the machine takes for it:

    tests/torture/run.sh --broker BROKER [--cluster] --profile PROFILE --seed SEED

`lost`: confirmed and not handled, or not at the broker when an independent client reads everything at the end.
`aborted reads`: reported as not persisted and delivered nevertheless. Times are p50, p99, largest.
'''
ROWS = ['profile', 'seed', 'versions', 'seconds', 'attempted', 'confirmed', 'unknown', 'unknown, but there',
        'unknown, and late',
        'not persisted', 'unroutable', 'lost', 'confirmed, not at the broker', 'handled though not persisted',
        'at the broker though not persisted', 'unexpected', 'corrupt', 'key order inversions',
        'key order inversions at the broker', 'published twice', 'published twice, bound', 'redeliveries',
        'redelivery bound', 'publish p50, p99, max, ms', 'most past its deadline, ms', 'longest stall of publishing, s',
        'longest stall of handling, s', 'noticed after, p50, p99, max, s', 'confirming again after, p50, p99, max, s',
        'handling again after, p50, p99, max, s', 'healthy part of the time', 'broker kills', 'consumer kills',
        'connections cut', 'crash points', 'faults', 'violations']


def text_of(value):
    if isinstance(value, dict):
        return ', '.join(f'{name}: {count}' for name, count in value.items()) or '-'
    if isinstance(value, list):
        return ', '.join(map(text_of, value)) or 'none'
    return '-' if value is None else str(value)


def rows(results):
    names = [name for name in ROWS if any(name in result for result in results)]
    more = [name for result in results for name in result if name not in ROWS and name != 'broker']
    return names + list(dict.fromkeys(more))


def show(result):
    width = max(map(len, result))
    for name in ['broker', *rows([result])]:
        if name != 'violations':
            print(f'{name:{width}}  {text_of(result.get(name))}')
    for violation in result['violations']:
        print(f'VIOLATED  {violation}')
    print(json.dumps(result))


def table(results):
    columns = [result['broker'] for result in results]
    lines = ['| | ' + ' | '.join(columns) + ' |', '|---' * (len(columns) + 1) + '|']
    for name in rows(results):
        lines.append(f'| {name} | ' + ' | '.join(text_of(result.get(name)).replace('|', '\\|') for result in results)
                     + ' |')
    return '\n'.join(lines) + '\n'


def summary(results):
    """One line for each profile."""
    lines = []
    for profile in dict.fromkeys(result['profile'] for result in results):
        runs = [result for result in results if result['profile'] == profile]

        def total(*names):
            return sum(run.get(name, 0) for run in runs for name in names)
        lines.append(f'Together, profile {profile}: {total("confirmed"):,} confirmed, {total("broker kills")} broker kills, '
                     f'{total("consumer kills")} consumer kills, {total("connections cut"):,} connections cut; '
                     f'{total("lost", "confirmed, not at the broker")} lost, '
                     f'{total("handled though not persisted", "at the broker though not persisted")} aborted reads, '
                     f'{total("corrupt", "corrupt at the broker")} corrupt, '
                     f'{total("key order inversions", "key order inversions at the broker")} out of order.')
    return '\n\n'.join(lines) + '\n'


def keep(path, result):
    """Puts the result beside those of other brokers; an older one of the same broker and profile makes way."""
    data = os.path.splitext(path)[0] + '.json'
    results = []
    if os.path.exists(data):
        with open(data, encoding='utf-8') as file:
            results = json.load(file)
    results = [old for old in results if (old['broker'], old['profile']) != (result['broker'], result['profile'])]
    results = sorted([*results, result], key=lambda one: (one['profile'], one['broker']))
    with open(data, 'w', encoding='utf-8') as file:
        json.dump(results, file, indent=1)
        file.write('\n')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(TITLE + TEXT + '\n' + summary(results) + '\n' + table(results))
