"""Encoders come, go, die, stall and talk nonsense, the screen changes its size, in any order: the
display lives, goes on showing pictures, and keeps nothing of them."""

import json
import os
import subprocess
import unittest

import harness

SCREEN = os.path.join(harness.BUILD, 'tests/tools/screen')
DISPLAY = os.path.join(harness.BUILD, 'earthshine-display')
SEEDS = 4
RUNS = 50
STEPS = 25


class Lifecycle(harness.Case):
    def live(self, seed, *app_options):
        app = [harness.PAINT, '--fullscreen', *app_options]
        result = subprocess.run(
            [SCREEN, '-r', str(STEPS), '-n', str(RUNS), '-s', str(seed), DISPLAY, *app],
            env=self.place.env, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(0, result.returncode, result.stderr[-2000:])
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        files = [line['files'] for line in lines if 'run' in line]
        self.assertEqual(RUNS, len(files))
        # Buffers come and go with the size; what leaks grows.
        self.assertLessEqual(max(files[RUNS // 2:]), max(files[:RUNS // 2]) + 2, files)
        stats = [line for line in lines if 'committed' in line][-1]
        self.assertLessEqual(stats['sent'] + stats['superseded'], stats['committed'], stats)
        return lines

    def test_two_hundred_lives(self):
        for seed in range(SEEDS):
            with self.subTest(seed=seed):
                lines = self.live(seed)
                self.assertTrue([line for line in lines if 'hung_up' in line])
                self.assertTrue([line for line in lines if line.get('cursor')])


if __name__ == '__main__':
    unittest.main(verbosity=2)
