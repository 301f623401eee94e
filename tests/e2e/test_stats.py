"""The statistics file, the readiness line and the messages."""

import os
import signal
import stat
import time

import harness

STAGES = ('wait', 'compose', 'queue', 'convert', 'encode', 'packetize', 'send', 'total')
FRAMES = ('committed', 'new', 'repeated', 'superseded', 'cursor', 'dropped', 'direct', 'composed')


class Stats(harness.Case):
    def test_keys(self):
        log = self.place.file('log')
        run = self.record(harness.paint('--frames', 120, log=log), '-s', '640x480@59.94')
        stats = run.stats()
        self.assertEqual(stats['mode'], {'width': 640, 'height': 480, 'refresh_mhz': 59940})
        self.assertEqual(stats['codec'], 'h264')
        self.assertEqual(stats['encoder'], 'x264')
        self.assertEqual(set(FRAMES) - set(stats['frames']), set())
        self.assertEqual(set(STAGES) - set(stats['stages_us']), set())
        for stage in STAGES:
            summary = stats['stages_us'][stage]
            self.assertLessEqual(summary['p50'], summary['p95'])
            self.assertLessEqual(summary['p95'], summary['p99'])
            self.assertLessEqual(summary['p99'], summary['max'] + 1 + summary['max'] * 0.02)
        self.assertEqual(set(stats['import_cache']), {'hits', 'misses', 'evictions'})
        self.assertEqual(set(stats['cpu_ms']), set(harness.ROOMS))
        self.assertEqual(set(stats['peak_rss_kib']), set(harness.ROOMS))
        for room in harness.ROOMS:
            self.assertGreater(stats['peak_rss_kib'][room], 1000)
        self.assertGreater(stats['cpu_ms']['encode'], 0)
        self.assertGreater(stats['seconds'], 1.5)
        self.assertEqual(stats['frames']['committed'], len(harness.read_log(log)))
        self.assertEqual(stats['frames']['superseded'] + stats['frames']['new'],
                         stats['frames']['committed'])
        self.assertLessEqual(stats['bytes'], os.path.getsize(run.output))
        self.assertGreater(stats['bytes'], os.path.getsize(run.output) * 0.8)

    def test_stages_add_up(self):
        run = self.record(harness.paint('--frames', 100), '-s', '640x480@60')
        stages = run.stats()['stages_us']
        parts = sum(stages[stage]['sum_ns'] for stage in STAGES if stage != 'total')
        self.assertEqual(parts, stages['total']['sum_ns'])
        self.assertGreater(parts, 0)

    def test_import_once_per_buffer(self):
        run = self.record(harness.paint('--frames', 100), '-s', '640x480@60')
        cache = run.stats()['import_cache']
        self.assertLessEqual(cache['misses'], 4)
        self.assertGreater(cache['hits'], 50)

    def test_ready(self):
        """The names that --ready-fd gives are those that a client connects to."""
        run = self.run_app(['sleep', '60'], '-s', '640x480@60')
        names = dict(word.split('=', 1) for word in run.wait_ready().split())
        print(names)
        path = os.path.join(self.place.runtime, names['WAYLAND_DISPLAY'])
        self.assertTrue(stat.S_ISSOCK(os.stat(path).st_mode))
        self.assertIn('DISPLAY', names)
        self.assertEqual(run.stop(), 130, run.messages())

    def test_live_lines(self):
        """Without a terminal: whole plain lines, no control characters."""
        log = self.place.file('log')
        run = self.run_app(harness.paint(log=log), '-s', '640x480@60')
        run.wait_ready()
        harness.wait_commits(log, 60)
        time.sleep(1.5)
        self.assertEqual(run.stop(signal.SIGTERM), 143, run.messages())
        text = run.messages()
        print(text)
        self.assertNotIn('\x1b', text)
        self.assertNotIn('\r', text)
        self.assertIn('fps', text)

    def test_says_little(self):
        """A run in which nothing goes wrong has no warnings: its summary and live lines alone."""
        run = self.record(harness.paint('--frames', 60), '-s', '320x240@60')
        lines = run.messages().splitlines()
        print(lines)
        self.assertLessEqual(len(lines), 3)
        self.assertTrue(all(line.startswith('earthshine: ') for line in lines), lines)

    def test_statistics_while_the_client_never_draws(self):
        run = self.record(['sleep', '1'], '-s', '320x240@60')
        self.assertEqual(run.stats()['frames']['committed'], 0)
        harness.probe(run.output, (320, 240))


if __name__ == '__main__':
    harness.main()
