"""A client that commits in each frame callback: every commit is in the file, once and in order."""

import harness


class Callback60Hz(harness.Case):
    def test_every_number_once(self):
        log = self.place.file('log')
        seconds = 8 if harness.SANITIZED else 20
        run = self.record(harness.paint('--seconds', seconds, log=log), '-s', '1280x720@60',
                          timeout=seconds + harness.END_TIMEOUT)
        harness.probe(run.output, (1280, 720))
        committed = [c['number'] for c in harness.read_log(log)]
        marks = harness.read_marks(run.output)
        self.assertEqual([m for m in marks if m['number'] is not None and not m['crc_ok']], [])
        self.assertEqual([m for m in marks if m.get('torn')], [])
        found = harness.numbers(marks)
        self.assertEqual(found, sorted(found), 'a number went backwards')

        last = committed[-1]
        while len(found) > 1 and found[-2] == last:
            found.pop()  # the closing repeat shows the last picture again
        once = set(found)
        twice = [n for n in once if found.count(n) > 1]
        missing = sorted(set(committed) - once)
        rate = len(committed) / seconds
        print(f'{len(committed)} commits ({rate:.1f}/s), {len(once)} in the file, '
              f'missing {missing[:20]}, twice {twice[:20]}')
        if harness.SANITIZED:
            return
        self.assertEqual(twice, [])
        self.assertGreaterEqual(len(once), 0.995 * len(committed))
        self.assertGreater(rate, 57)
        self.assertLess(rate, 60.5)


if __name__ == '__main__':
    harness.main()
