"""run_again.py LOG: the names of the tests that failed in a log of meson's, if it is worth while to run them
again; else fails. run_again.py LOG SECOND: takes their results of the second log over into the first."""

import json
import sys

MOST = 4  # more than these are no accident
SUITES = ('e2e', 'unit', 'vm')  # as a test's name begins; checks and fuzzers wait for nobody


def read(path):
    with open(path, encoding='utf-8') as file:
        return [json.loads(line) for line in file]


def has_failed(test):
    """And may have done so by accident."""
    suite = test['name'].split(' - ')[0].split('+')[0]
    return suite in SUITES and test['result'] in ('FAIL', 'TIMEOUT', 'ERROR', 'INTERRUPT')


def main(log, second=None):
    tests = read(log)
    if second is None:
        names = [test['name'].rsplit(':', 1)[1] for test in tests if has_failed(test)]
        print(*names)
        return 0 if 0 < len(names) <= MOST else 1
    again = {test['name']: test for test in read(second)}
    with open(log, 'w', encoding='utf-8') as file:
        for test in tests:
            if has_failed(test) and test['name'] in again:
                test = {**again[test['name']], 'first': test['result']}
            file.write(json.dumps(test) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
