"""A client that commits faster than the screen refreshes: the newest commit wins, all are counted."""

import harness


class FreeRunner(harness.Case):
    seconds = 4 if harness.SANITIZED else 10

    def setUp(self):
        super().setUp()
        self.log = self.place.file('log')
        self.session = self.record(
            harness.paint('--rate', 500, '--seconds', self.seconds, '--damage', 'rect:256x256',
                          log=self.log),
            '-s', '1280x720@60', timeout=self.seconds + harness.END_TIMEOUT)
        self.commits = sorted(harness.read_log(self.log), key=lambda c: c['number'])
        self.found = harness.numbers(harness.read_marks(self.session.output))

    def test_rate_and_counts(self):
        frames = self.session.stats()['frames']
        print(frames, f'{len(self.commits)} commits')
        self.assertEqual(frames['committed'], len(self.commits))
        self.assertEqual(frames['superseded'] + frames['new'], frames['committed'])
        self.assertEqual(self.found, sorted(self.found))
        if harness.SANITIZED:
            return
        first, last = self.commits[0], self.commits[-1]
        seconds = (last['commit_ns'] - first['commit_ns']) / 1e9
        self.assertGreater(len(self.commits) / seconds, 400)
        rate = len(set(self.found)) / seconds
        self.assertGreater(rate, 58)
        self.assertLess(rate, 60.5)

    def test_newest_wins(self):
        """When the output was committed, no newer commit had been there for long."""
        by_number = {c['number']: c for c in self.commits}
        compose_ns = self.session.stats()['stages_us']['compose']['max'] * 1000
        late = []
        for number in sorted(set(self.found)):
            shown, newer = by_number[number], by_number.get(number + 1)
            if newer is None or shown['result'] != 'presented':
                continue
            late.append(shown['presented_ns'] - newer['commit_ns'])
        self.assertGreater(len(late), 50)
        worst = harness.percentile(late, 99)
        print(f'newer commit before the output commit: p50 {harness.percentile(late, 50) / 1e6:.2f} ms, '
              f'p99 {worst / 1e6:.2f} ms, longest composition {compose_ns / 1e6:.2f} ms')
        if not harness.SANITIZED:
            self.assertLess(worst, compose_ns + 3e6)


if __name__ == '__main__':
    harness.main()
