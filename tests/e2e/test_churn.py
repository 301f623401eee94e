"""Many short runs, some of them with a process killed at a random moment: nothing is left.

EARTHSHINE_TEST_RUNS says how many (200 unless told), EARTHSHINE_TEST_SEED repeats an order."""

import os
import random
import signal
import time

import harness

RUNS = int(os.environ.get('EARTHSHINE_TEST_RUNS', '30' if harness.SANITIZED else '200'))
SEED = int(os.environ.get('EARTHSHINE_TEST_SEED', '1'))
WAYS = ('end', 'end', 'interrupt', 'early', 'host', 'display', 'encode', 'stream', 'app')


class Churn(harness.Case):
    def test_short_runs(self):
        dice = random.Random(SEED)
        fds = len(os.listdir('/proc/self/fd'))
        counts = {}
        for i in range(RUNS):
            way = dice.choice(WAYS)
            delay = dice.uniform(0, 0.4)
            counts[way] = counts.get(way, 0) + 1
            with self.subTest(run=i, way=way, delay=round(delay, 3)):
                self.one(way, delay, f'{i}.mkv')
        print(counts)
        self.assertLessEqual(len(os.listdir('/proc/self/fd')), fds + 1)

    def one(self, way, delay, output):
        app = harness.paint('--frames', 12) if way == 'end' else harness.paint()
        run = harness.Run(self.place, app, '-s', '320x240@60', output=output)
        status = None
        try:
            if way == 'end':
                status = run.wait()
            elif way == 'early':
                time.sleep(delay / 4)
                status = run.stop(signal.SIGTERM)
            elif way == 'interrupt':
                run.wait_ready()
                time.sleep(delay)
                status = run.stop(signal.SIGINT)
            else:
                status = self.kill(run, way, delay)
            if way == 'end':
                self.assertEqual(status, 0, run.messages())
            elif way in ('interrupt', 'encode'):
                self.assertEqual(status, 128 + signal.SIGINT, run.messages())
            elif way in ('display', 'stream'):
                self.assertEqual(status, 1, run.messages())
            elif way == 'app':
                self.assertEqual(status, 128 + 9, run.messages())
        except BaseException:
            self.runs.append(run)
            raise
        self.place.assert_clean()
        for path in (run.output, run.stats_path, run.stderr_path):
            if os.path.exists(path):
                os.unlink(path)

    def kill(self, run, way, delay):
        run.wait_ready()
        if way == 'host':
            time.sleep(delay)
            run.popen.kill()
            return run.wait()
        name = 'paint' if way == 'app' else 'earthshine-' + way
        process = harness.wait_until(lambda: self.place.process(name), f'{name} runs')
        time.sleep(delay)
        process.signal(signal.SIGKILL)
        if way == 'encode':
            time.sleep(delay)
            return run.stop(signal.SIGINT)
        return run.wait()


if __name__ == '__main__':
    harness.main()
