"""An encoder far slower than real time: what it gets is always fresh."""

import signal
import threading

import harness


def ages(commits):
    """Milliseconds from commit to output commit, in the order in which they were shown."""
    return [(c['presented_ns'] - c['commit_ns']) / 1e6 for c in commits if c['result'] == 'presented']


class SlowEncoder(harness.Case):
    def check_ages(self, log, run, slowest_ms):
        commits = sorted(harness.read_log(log), key=lambda c: c['number'])
        found = harness.numbers(harness.read_marks(run.output))
        self.assertEqual(found, sorted(found))
        encoded = set(found)
        age = ages([c for c in commits if c['number'] in encoded])
        quarter = max(1, len(age) // 4)
        early, late = harness.percentile(age[:quarter], 50), harness.percentile(age[-quarter:], 50)
        stats = run.stats()
        stages = stats['stages_us']
        begun = (stages['wait']['max'] + stages['compose']['max'] + stages['queue']['max']) / 1000
        print(f'{len(commits)} commits, {len(encoded)} encoded; age early {early:.1f} ms, late {late:.1f} ms, '
              f'worst until taken {begun:.1f} ms, encode p50 {stages["encode"]["p50"] / 1000:.1f} ms')
        self.judge(len(commits) > 5 * len(encoded), 'the encoder was not slow')
        self.assertEqual(stats['frames']['superseded'] + stats['frames']['new'],
                         stats['frames']['committed'])
        self.judge(late < early + 30, f'the age grew from {early:.0f} to {late:.0f} ms')
        self.judge(begun < slowest_ms, f'a frame was {begun:.0f} ms old')

    @harness.patiently
    def test_big_picture(self):
        """HEVC at 3840x2160 on a CPU."""
        log = self.place.file('log')
        seconds = 15
        run = self.record(
            harness.paint('--rate', 60, '--seconds', seconds, '--damage', 'rect:512x512', '--content',
                          'noise', log=log),
            '-s', '3840x2160@60', '-c', 'hevc', timeout=seconds + 2 * harness.WAIT)
        if run.stats()['frames']['new'] > 100:
            self.skipTest('this machine is too fast for the test')
        self.check_ages(log, run, 250)

    @harness.patiently
    def test_starved_encoder(self):
        """The encoder's process gets a tenth of the time: it runs 17 ms, then stands still 170 ms."""
        log = self.place.file('log')
        seconds = 10
        run = self.run_app(
            harness.paint('--rate', 100, '--seconds', seconds, '--damage', 'rect:256x256', log=log),
            '-s', '1280x720@60')
        run.wait_ready()
        encode = run.room('encode')
        harness.wait_commits(log, 10)
        stop = threading.Event()

        def starve():
            while not stop.is_set():
                encode.signal(signal.SIGSTOP)
                stop.wait(0.17)
                encode.signal(signal.SIGCONT)
                stop.wait(0.017)

        thread = threading.Thread(target=starve)
        thread.start()
        try:
            harness.wait_until(lambda: b'committed' in harness.read_file(log), 'the client is done',
                               seconds + 20)
        finally:
            stop.set()
            thread.join()
            encode.signal(signal.SIGCONT)
        self.assertEqual(run.wait(), 0, run.messages())
        self.check_ages(log, run, 400)


if __name__ == '__main__':
    harness.main()
