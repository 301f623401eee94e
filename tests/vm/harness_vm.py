"""What the suites of the virtual machine share: DMA-BUFs of an app, and time that goes slowly."""

import functools
import json
import subprocess

import harness

# Emulated, everything takes some twenty times as long.
harness.START_TIMEOUT = 120
harness.END_TIMEOUT = 120
TIMEOUT = 120

CACHE = '/root/.cache'
SIZE = (320, 240)
MODE = f'{SIZE[0]}x{SIZE[1]}@30'


def output_of(*command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT,
                            stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        raise harness.Failed(f'{command}: status {result.returncode}: {result.stdout}{result.stderr}')
    return result.stdout


def read_events(path, key):
    """The lines of a paint client's log that have this key: 'buffer', 'feedback', 'released', ..."""
    entries = [json.loads(line) for line in harness.read_file(path).decode().splitlines()]
    return [entry for entry in entries if key in entry]


@functools.cache
def warm_up():
    """A first start reads a hundred megabytes of libraries from the host and tries every encoder, all of
    which may take longer than a display may take to start."""
    place = harness.Place()
    place.env['XDG_CACHE_HOME'] = CACHE
    for _ in range(3):
        run = harness.Run(place, harness.paint('--frames', 2), '-s', MODE)
        if run.wait(TIMEOUT) == 0:
            break
        print(f'[not yet warm: {run.messages()}]')
    place.finish()


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        warm_up()
        # What was found out about encoders is kept from case to case, as on a real machine.
        self.place.env['XDG_CACHE_HOME'] = CACHE

    def record_paint(self, *options, frames=20, mode=MODE, more=(), **record):
        """Records a full-screen paint client to its end; returns the run and the client's log."""
        log = self.place.file('paint.log')
        app = harness.paint('--fullscreen', '--frames', frames, *options, log=log)
        run = self.record(app, '-s', mode, *more, timeout=TIMEOUT, **record)
        return run, log

    def assert_all_seen(self, run, frames, at_least=1):
        """The file's pictures carry numbers that the client drew, rising, up to its last."""
        seen = harness.numbers(harness.read_marks(run.output))
        self.assertEqual(seen, sorted(seen))
        self.assertEqual(frames, seen[-1], seen)
        self.assertGreaterEqual(len(set(seen)), at_least, seen)
