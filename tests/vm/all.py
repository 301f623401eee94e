"""Every suite of this folder in one boot, or those that are named: booting takes longer than most cases."""

import argparse
import os
import sys
import unittest

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('names', nargs='*', default=['*'], metavar='NAME')
    parser.add_argument('-f', action='store_true', help='stop at the first failure')
    args = parser.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    suites = unittest.TestSuite(unittest.defaultTestLoader.discover(here, f'test_{name}.py') for name in args.names)
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, failfast=args.f, durations=10)
    sys.exit(not runner.run(suites).wasSuccessful())
