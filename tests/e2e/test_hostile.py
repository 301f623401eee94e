"""Broken and hostile Wayland clients: the session lives on for a good one that comes after."""

import subprocess
import time

import harness

GOOD_FRAMES = 30
MAX_RSS_KIB = 512 * 1024
MAX_FDS = 1024


def ways():
    text = subprocess.run([harness.PAINT, '--bad', 'nothing-of-the-kind'], capture_output=True,
                          text=True, check=False).stderr
    return text.rpartition('misbehave: ')[2].split()


class Hostile(harness.Case):
    def check(self, way):
        good = self.place.file('good.log')
        done = self.place.file('done')
        script = (f'"$0" --bad {way} --seconds 2; touch {done}; '
                  f'"$0" --frames {GOOD_FRAMES} --log {good} || exit 9')
        run = self.run_app(['sh', '-c', script, harness.PAINT], '-s', '640x480@60')
        run.wait_ready()
        display = run.room('display')
        rss = fds = 0
        while run.popen.poll() is None:
            rss, fds = max(rss, display.rss_kib), max(fds, display.open_fds)
            try:
                run.popen.wait(0.02)
            except subprocess.TimeoutExpired:
                pass
            self.assertLess(run.popen.poll() is None and time.monotonic() - run.started, 90,
                            'the session hangs\n' + run.messages())
        self.assertEqual(run.wait(), 0, run.messages())
        harness.probe(run.output, (640, 480))
        found = harness.numbers(harness.read_marks(run.output))
        said = [line for line in run.messages().splitlines() if line.startswith('paint:')]
        print(f'{way}: display {rss // 1024} MiB, {fds} fds; {said}')
        self.assertEqual(found[-1], GOOD_FRAMES)
        if not harness.SANITIZED:
            self.assertLess(rss, MAX_RSS_KIB)
        self.assertLess(fds, MAX_FDS)


    def test_beside_a_good_client(self):
        """Another client keeps its pace while one floods."""
        for way in ('flood-requests', 'flood-surfaces', 'never-read', 'huge-size', 'map-unmap'):
            with self.subTest(way=way):
                log = self.place.file(way + '.log')
                script = (f'"$0" --rate callback --damage rect:256x256 --log {log} & sleep 1; '
                          f'"$0" --bad {way} --seconds 2; kill $!; wait $!')
                self.record(['sh', '-c', script, harness.PAINT], '-s', '640x480@60', timeout=120)
                times = [c['commit_ns'] for c in harness.read_log(log)]
                gaps = [(b - a) / 1e6 for a, b in zip(times, times[1:])]
                print(f'{way}: {len(times)} commits, gaps p50 {harness.percentile(gaps, 50):.1f} ms, '
                      f'p99 {harness.percentile(gaps, 99):.1f} ms, longest {max(gaps):.1f} ms')
                self.assertGreater(len(times), 5 if harness.SANITIZED else 30)
                if not harness.SANITIZED:
                    self.assertLess(max(gaps), 2000)


def add(way):
    def test(self):
        self.check(way)
    setattr(Hostile, 'test_' + way.replace('-', '_'), test)


for name in ways():
    add(name)

if __name__ == '__main__':
    harness.main()
