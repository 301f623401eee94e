"""Every suite of this folder in one boot: booting takes longer than most cases."""

import os
import sys
import unittest

if __name__ == '__main__':
    suites = unittest.defaultTestLoader.discover(os.path.dirname(os.path.abspath(__file__)))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, failfast='-f' in sys.argv).run(suites)
    sys.exit(not result.wasSuccessful())
