"""A client that commits faster than the screen refreshes: the newest commit wins, all are counted."""

import harness


class FreeRunner(harness.Case):
    seconds = 4 if harness.SANITIZED else 10

    def record_all(self):
        log = self.place.file('log')
        self.session = self.record(
            harness.paint('--rate', 500, '--seconds', self.seconds, '--damage', 'rect:256x256', log=log),
            '-s', '1280x720@60', timeout=self.seconds + harness.WAIT)
        self.commits = sorted(harness.read_log(log), key=lambda c: c['number'])
        self.found = harness.numbers(harness.read_marks(self.session.output))

    @harness.patiently
    def test_rate_and_counts(self):
        self.record_all()
        frames = self.session.stats()['frames']
        print(frames, f'{len(self.commits)} commits')
        self.assertEqual(frames['committed'], len(self.commits))
        self.assertEqual(frames['superseded'] + frames['new'], frames['committed'])
        self.assertEqual(self.found, sorted(self.found))
        first, last = self.commits[0], self.commits[-1]
        seconds = (last['commit_ns'] - first['commit_ns']) / 1e9
        self.judge(len(self.commits) / seconds > 400, f'{len(self.commits)} commits in {seconds:.1f} s')
        # One frame for each slot of the grid that the commits touch, and one for the last of them.
        self.assertLessEqual(len(set(self.found)), 60 * seconds + 2)
        rate = len(set(self.found)) / seconds
        self.judge(rate > 58, f'{rate:.1f} frames per second')

    @harness.patiently
    def test_newest_wins(self):
        """When the output was committed, no newer commit had been there for long."""
        self.record_all()
        by_number = {c['number']: c for c in self.commits}
        compose_ns = self.session.stats()['stages_us']['compose']['max'] * 1000
        late = []
        for number in sorted(set(self.found)):
            shown, newer = by_number[number], by_number.get(number + 1)
            if newer is None or shown['result'] != 'presented':
                continue
            late.append(shown['presented_ns'] - newer['commit_ns'])
        self.judge(len(late) > 50, f'only {len(late)} frames to look at')
        worst = harness.percentile(late, 99)
        print(f'newer commit before the output commit: p50 {harness.percentile(late, 50) / 1e6:.2f} ms, '
              f'p99 {worst / 1e6:.2f} ms, longest composition {compose_ns / 1e6:.2f} ms')
        self.judge(worst < compose_ns + 3e6, f'{worst / 1e6:.2f} ms')


if __name__ == '__main__':
    harness.main()
