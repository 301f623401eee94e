"""A still screen costs nothing, is refined a few times, and the next commit goes out at once."""

import signal
import time

import harness

MAX_REFINEMENTS = 6


class StillThenCommit(harness.Case):
    def still(self, *options, frames=20):
        """A run that has come to rest after so many commits."""
        self.log = self.place.file('log')
        run = self.run_app(
            harness.paint('--still-after', frames, '--resume-on-signal', log=self.log), *options)
        run.wait_ready()
        harness.wait_commits(self.log, frames)
        self.wait_quiet(run)
        return run

    def wait_quiet(self, run):
        """Until no room has run for a while: the refinement is over."""
        rooms = [run.room(name) for name in harness.ROOMS]
        last, since = None, time.monotonic()
        while time.monotonic() - since < 0.5:
            now = [room.cpu_ns for room in rooms]
            if now != last:
                last, since = now, time.monotonic()
            time.sleep(0.02)
            self.assertLess(time.monotonic() - run.started, 60, 'the rooms never come to rest')

    @harness.patiently
    def test_at_once(self):
        """At 10 Hz a commit would wait 50 ms on average if anything waited for a timer."""
        run = self.still('-s', '640x480@10')
        client = self.place.process('paint')
        delays = []
        for i in range(10):
            count = len(harness.read_log(self.log))
            client.signal(signal.SIGUSR1)
            harness.wait_commits(self.log, count + 1)
            shown = harness.read_log(self.log)[-1]
            self.assertEqual(shown['result'], 'presented')
            delays.append((shown['presented_ns'] - shown['commit_ns']) / 1e6)
            time.sleep(0.33 + 0.013 * i)
        self.assertEqual(run.stop(), 130, run.messages())
        print('commit to output commit, ms:', ' '.join(f'{d:.2f}' for d in delays))
        half = sorted(delays)[len(delays) // 2]
        found = harness.numbers(harness.read_marks(run.output))
        # Those before the encoder was up may be missing.
        self.assertEqual(sorted(set(found))[-10:], list(range(21, 31)))
        self.judge(half < 8, f'{half:.1f} ms')

    def test_nothing_wakes_up(self):
        run = self.still('-s', '640x480@60')
        rooms = [run.room(name) for name in ('display', 'encode', 'stream')]
        size = run.size()
        before = [(room.wakeups, room.cpu_ns) for room in rooms]
        time.sleep(3)
        after = [(room.wakeups, room.cpu_ns) for room in rooms]
        for room, (wakeups, cpu), (wakeups_after, cpu_after) in zip(rooms, before, after):
            print(f'{room.name}: {wakeups_after - wakeups} wake-ups, {(cpu_after - cpu) / 1e6:.2f} ms in 3 s')
            # The host asks for statistics once a second.
            self.assertLessEqual(wakeups_after - wakeups, 12, room.name)
            self.assertLess(cpu_after - cpu, 15e6, room.name)
        self.assertEqual(run.size(), size, 'something was written while nothing changed')
        self.assertEqual(run.stop(), 130, run.messages())
        harness.probe(run.output)
        found = harness.numbers(harness.read_marks(run.output))
        # Itself, its refinements and the closing repeat.
        self.assertLessEqual(found.count(20), 1 + MAX_REFINEMENTS + 1)

    def test_commits_without_change(self):
        """Commits that change nothing are no reason to encode."""
        log = self.place.file('log')
        run = self.record(harness.paint('--rate', 60, '--frames', 120, '--damage', 'none', log=log),
                          '-s', '640x480@60')
        frames = run.stats()['frames']
        print(frames)
        self.assertLessEqual(frames['new'], 3)
        # The empty screen and the app's picture are refined each, if the app takes its time.
        self.assertLessEqual(frames['repeated'], 1 + 2 * MAX_REFINEMENTS + 1)


if __name__ == '__main__':
    harness.main()
