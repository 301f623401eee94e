"""Hardware that fails at work gives way to the next encoder; the app and the connection live on.

The fake rung stands in for hardware: it is proved, watched and remembered as such, and fails on command.
"""

import json
import os
import shutil
import signal
import socket
import subprocess

import harness
import harness_serve
from harness import patiently, wait_until
from harness_serve import ServeCase

FAILS = 'EARTHSHINE_FAKE_RUNG'
BACK_S = 1.5  # from the decision to the next picture
WATCHDOG_S = 1.0


def longest_gap_ns(log):
    times = [commit['commit_ns'] for commit in harness.read_log(log)]
    return max(b - a for a, b in zip(times, times[1:]))


class Run(harness.Case):
    def cached(self):
        """What is known of the fake rung."""
        text = harness.read_file(self.place.file('.cache/earthshine/encoders.json'))
        proofs = json.loads(text)['proofs'] if text else []
        return next((proof for proof in proofs if proof['encoder'] == 'fake'), None)

    def begin(self, commands='', encoder='fake', **more):
        self.log = self.place.file('log')
        if os.path.exists(self.log):
            os.unlink(self.log)
        run = self.run_app(harness.paint(log=self.log), '-s', '640x360@60', '-e', encoder,
                           env={FAILS: commands}, **more)
        run.wait_ready()
        return run

    def check_goes_on(self, run, reason, allowed_s):
        wait_until(lambda: 'goes on with x264' in run.messages(), 'the next encoder')
        count = len(harness.read_log(self.log))
        harness.wait_commits(self.log, count + 90)
        committed = harness.read_log(self.log)[-1]['number']
        self.assertEqual(run.stop(), 130, run.messages())
        self.assertIn('encoder fake has failed (', run.messages())
        self.assertIn(reason, run.messages())
        self.assertEqual(run.stats()['encoder_restarts'], 1)
        harness.probe(run.output, (640, 360))
        marks = harness.read_marks(run.output)  # the first one may be of the empty screen
        found = harness.numbers(marks)
        self.assertEqual(found, sorted(found))
        self.assertGreater(found[-1], committed - 10)
        keys = [i for i, mark in enumerate(marks) if mark['key']]
        self.assertEqual(len(keys), 2, 'each encoder begins with an IDR, and makes no other')
        gap = marks[keys[1]]['pts_us'] - marks[keys[1] - 1]['pts_us']
        print(f'{gap / 1000:.0f} ms without a picture, {longest_gap_ns(self.log) / 1e6:.0f} ms between commits')
        self.judge(gap / 1e6 < allowed_s, f'{gap / 1000:.0f} ms without a picture')
        self.judge(longest_gap_ns(self.log) < 5e8, 'the app was held up')

    @patiently
    def check_failing(self, commands, reason, allowed_s, signal_number=None):
        shutil.rmtree(self.place.file('.cache'), ignore_errors=True)
        run = self.begin(commands)
        if signal_number is not None:
            harness.wait_commits(self.log, 150)  # it is at work
            run.room('encode').signal(signal_number)
        self.check_goes_on(run, reason, allowed_s)
        self.assertEqual(self.cached()['state'], 'lost')
        self.assertIn(reason, self.cached()['reason'])

    def test_killed(self):
        self.check_failing('', 'was killed by signal 9', BACK_S, signal.SIGKILL)

    def test_hangs(self):
        self.check_failing('hang-after=150', 'has not answered for 1 s', WATCHDOG_S + BACK_S)

    def test_returns_garbage(self):
        self.check_failing('garbage-after=150', 'it is no bitstream', BACK_S)

    def test_fails_from_the_start(self):
        """Of a rung that has not worked at all nothing is remembered: it may be this session's size."""
        self.assertEqual(self.begin().stop(), 130)
        self.assertEqual(self.cached()['state'], 'ok')
        run = self.begin('fail-after=0', output='again.mkv')
        harness.wait_commits(self.log, 90)
        self.assertEqual(run.stop(), 130, run.messages())
        self.assertIn('goes on with x264', run.messages())
        self.assertEqual(self.cached()['state'], 'ok')
        self.assertGreater(len(harness.read_marks(run.output)), 30)

    def test_not_what_it_was(self):
        """One that does not stand the trial is not used; asked for by name, the reason is told."""
        for commands, state, reason in (
                ('missing', 'unavailable', 'missing'), ('black-after=2', 'failed', 'instead of'),
                ('crash-after=3', 'failed', 'signal'), ('swapped-after=0', 'failed', 'instead of')):
            with self.subTest(commands=commands):
                shutil.rmtree(self.place.file('.cache'), ignore_errors=True)
                run = self.run_app(harness.paint(), '-e', 'fake', env={FAILS: commands})
                self.assertEqual(run.wait(), 1, run.messages())
                print(run.messages().splitlines()[-1])
                self.assertEqual(self.cached()['state'], state)
                self.assertIn(reason, self.cached()['reason'])
                self.assertIn(self.cached()['reason'], run.messages())
        # What is known is not tried again.
        run = self.run_app(harness.paint(), '-e', 'fake')
        self.assertEqual(run.wait(), 1, run.messages())
        self.assertNotIn('trying', run.messages())

    def test_no_such_gpu(self):
        run = self.run_app(harness.paint(), '--gpu', '/dev/dri/renderD199')
        self.assertEqual(run.wait(), 1, run.messages())
        self.assertIn("no GPU is '/dev/dri/renderD199'", run.messages())

    def test_no_trial_without_hardware(self):
        run = self.begin(encoder='auto')
        self.assertEqual(run.stop(), 130, run.messages())
        if not os.path.exists('/dev/dri'):
            self.assertNotIn('trying', run.messages())


class Doctor(harness.Case):
    """`doctor` says of every rung what it is worth here, and why."""

    RUNGS = {f'{name} ({codec})' for name in ('nvenc', 'vaapi', 'vulkan')
             for codec in ('h264', 'hevc', 'av1')} | {'x264 (h264)', 'x265 (hevc)', 'svtav1 (av1)'}

    def ask(self, *options):
        result = subprocess.run([harness.EARTHSHINE, 'doctor', *options], capture_output=True, text=True,
                                env=self.place.env, timeout=240, stdin=subprocess.DEVNULL)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_every_rung(self):
        items = {item['name']: item for item in json.loads(self.ask('--json'))['items']}
        self.assertLessEqual(self.RUNGS, set(items))
        for name in self.RUNGS:
            item = items[name]
            print(f'{name}: {item["state"]}: {item["detail"]}')
            self.assertEqual(item['ok'], item['state'] == 'ok')
            self.assertTrue(item['detail'])
            self.assertTrue(item['ok'] or item['remedy'], name)
            if not os.path.exists('/dev/dri') and name.split()[0] in ('nvenc', 'vaapi', 'vulkan'):
                self.assertIn(item['state'], ('unavailable', 'not-built'))
        self.assertTrue(any(items[name]['ok'] for name in self.RUNGS))

    def test_report(self):
        text = self.ask('--report')
        report = json.loads(text)
        for word in (self.place.path, socket.gethostname()):
            self.assertNotIn(word, text)
        self.assertTrue(report['version'] and report['kernel'] and report['system'])
        self.assertIn('gpus', report)
        states = {trial['encoder']: trial['state'] for trial in report['trials']}
        print(states)
        self.assertIn('ok', states.values())


class Serve(ServeCase):
    def begin(self, commands=''):
        log = self.place.file('log')
        host = self.serve({'paint': self.paint('--log', log)}, settings=['encoder fake'],
                          env={FAILS: commands})
        cache = os.path.join(harness_serve.CACHE, 'earthshine', 'encoders.json')
        wait_until(lambda: b'"ok"' in harness.read_file(cache), 'the encoder is proved')
        stream = host.device().paired().play(app=1)
        stream.wait_frames(20)  # the first IDR is over
        self.assertEqual(host.wait_session('playing')['encoder'], 'fake')
        return host, stream, log

    def check_goes_on(self, host, stream, log, reason, allowed_s):
        start = stream.mark
        wait_until(lambda: 'goes on with x264' in host.messages(), 'the next encoder')
        idr = stream.wait_for('frame', lambda frame: frame['type'] == 2, start=start)
        self.assertIn(reason, host.messages())
        stream.wait_frames(60, start=stream.mark)
        frames = stream.frames()
        # No number is missing, nothing came twice: the connection has not noticed.
        numbers = [frame['frame'] for frame in frames]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        before = [frame for frame in frames if frame['frame'] < idr['frame']][-1]
        gap = (idr['at_ns'] - before['at_ns']) / 1e9
        print(f'{gap * 1000:.0f} ms without a picture')
        self.check_numbers(stream.numbers())
        self.judge(gap < allowed_s, f'{gap:.2f} s without a picture')
        self.judge(longest_gap_ns(log) < 5e8, 'the app was held up')
        self.assertEqual(host.wait_session('playing')['encoder'], 'x264')

    @patiently
    def check_failing(self, commands, reason, allowed_s, signal_number=None):
        host, stream, log = self.begin(commands)
        if signal_number is not None:
            stream.wait_frames(150)
            host.room('encode').signal(signal_number)
        slow = None
        try:
            self.check_goes_on(host, stream, log, reason, allowed_s)
        except harness.Slow as caught:
            slow = caught
        self.check_stream(stream.quit(), 100)
        self.assertEqual(host.stop(), 0, host.messages())
        os.unlink(log)
        if slow is not None:
            raise slow  # to be tried again, by another host

    def test_killed(self):
        self.check_failing('', 'was killed by signal 9', BACK_S, signal.SIGKILL)

    def test_hangs(self):
        self.check_failing('hang-after=150', 'does not answer any more', WATCHDOG_S + BACK_S)

    def test_returns_garbage(self):
        self.check_failing('garbage-after=150', 'it is no bitstream', BACK_S)


if __name__ == '__main__':
    harness.main()
