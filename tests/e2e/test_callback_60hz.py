"""A client that commits in each frame callback: every commit is in the file, once and in order."""

import harness

STILL_NS = 2e9 / 60


class Callback60Hz(harness.Case):
    @harness.patiently
    def test_every_number_once(self):
        log = self.place.file('log')
        seconds = 8 if harness.SANITIZED else 20
        run = self.record(harness.paint('--seconds', seconds, log=log), '-s', '1280x720@60',
                          timeout=seconds + harness.WAIT)
        harness.probe(run.output, (1280, 720))
        commits = {c['number']: c['commit_ns'] for c in harness.read_log(log)}
        committed = sorted(commits)
        marks = harness.read_marks(run.output)
        self.assertEqual([m for m in marks if m['number'] is not None and not m['crc_ok']], [])
        self.assertEqual([m for m in marks if m.get('torn')], [])
        found = harness.numbers(marks)
        self.assertEqual(found, sorted(found), 'a number went backwards')

        last = committed[-1]
        while len(found) > 1 and found[-2] == last:
            found.pop()  # the closing repeat shows the last picture again
        once = set(found)
        # A client that pauses for two intervals has its picture refined.
        twice = [n for n in once if found.count(n) > 1 and commits[n + 1] - commits[n] < STILL_NS]
        missing = sorted(set(committed) - once)
        rate = len(committed) / seconds
        print(f'{len(committed)} commits ({rate:.1f}/s), {len(once)} in the file, '
              f'missing {missing[:20]}, twice {twice[:20]}')
        # Nor does one that is refined because the machine had no time for the client count.
        n_again = sum(found.count(n) - 1 for n in once)
        self.assertLessEqual(n_again, run.stats()['frames']['repeated'])
        self.judge(twice == [], f'{twice[:20]} are shown twice')
        self.judge(len(once) >= 0.995 * len(committed), f'{len(missing)} numbers are missing')
        self.judge(57 < rate < 60.5, f'{rate:.1f} commits per second')


if __name__ == '__main__':
    harness.main()
