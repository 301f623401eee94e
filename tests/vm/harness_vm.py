"""What the suites of the virtual machine share: DMA-BUFs of an app, and time that goes slowly."""

import functools
import glob
import json
import os
import subprocess

import harness
import harness_serve

CACHE = '/root/.cache'
harness_serve.CACHE = CACHE
SIZE = (320, 240)
MODE = f'{SIZE[0]}x{SIZE[1]}@30'


def output_of(*command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=harness.WAIT,
                            stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        raise harness.Failed(f'{command}: status {result.returncode}: {result.stdout}{result.stderr}')
    return result.stdout


# What our programs say of those of them that they gave up as they took too long; where a processor is
# emulated beside other work, the fault may be its own.
TOO_SLOW = ('did not get ready in time', 'has not answered for', 'not answer any more',
            'no answer within')


def judge_speed(messages):
    """Raises harness.Slow if something was given up; what is remembered of that is forgotten."""
    signs = [line for line in messages.splitlines() if any(sign in line for sign in TOO_SLOW)]
    if signs:
        forget_encoders()
        raise harness.Slow(signs[0])


def forget_encoders():
    for path in glob.glob(CACHE + '/earthshine/*'):
        os.unlink(path)


def play(device, **more):
    """A client that plays. The host gives it ten seconds to connect, which may be too few here."""
    for left in (2, 1, 0):
        try:
            return device.play(**more).wait_playing()
        except harness.Failed as error:
            if left == 0 or not any(sign in str(error) for sign in ('no control connection', 'disconnected')):
                raise
            print(f'[too slow to connect; load {os.getloadavg()[0]:.1f}; once more]')


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
        if run.wait() == 0:
            break
        print(f'[not yet warm: {run.messages()}]')
    place.finish()


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        warm_up()
        # What was found out about encoders is kept from case to case, as on a real machine.
        self.place.env['XDG_CACHE_HOME'] = CACHE

    @harness.patiently
    def record_paint(self, *options, frames=20, mode=MODE, more=(), expect=0, **record):
        """Records a full-screen paint client to its end; returns the run and the client's log."""
        log = self.place.file('paint.log')
        app = harness.paint('--fullscreen', '--frames', frames, *options, log=log)
        run = self.run_app(app, '-s', mode, *more, **record)
        status = run.wait()
        judge_speed(run.messages())
        self.assertEqual(status, expect, run.messages())
        return run, log

    def assert_all_seen(self, run, frames, at_least=1):
        """The file's pictures carry numbers that the client drew, rising, up to its last."""
        seen = harness.numbers(harness.read_marks(run.output))
        self.assertEqual(seen, sorted(seen))
        self.assertEqual(frames, seen[-1], seen)
        self.assertGreaterEqual(len(set(seen)), at_least, seen)
