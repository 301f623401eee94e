"""Each process killed or hung at work: what can go on goes on, the rest ends cleanly."""

import signal
import time

import harness


class Kill(harness.Case):
    def start(self, *options, **more):
        self.log = self.place.file('log')
        run = self.run_app(harness.paint(*options, log=self.log), '-s', '640x360@60', **more)
        run.wait_ready()
        harness.wait_commits(self.log, 30)
        harness.wait_until(lambda: run.size() > 1000, 'something is in the file')
        return run

    def found(self, run):
        found = harness.numbers(harness.read_marks(run.output))
        self.assertEqual(found, sorted(found))
        return found

    def test_encoder_killed(self):
        """The file goes on with the next encoder."""
        run = self.start()
        others = [run.room('display'), run.room('stream'), harness.Process(run.popen.pid)]
        fds = [process.open_fds for process in others]
        for _ in range(2):
            count = len(harness.read_log(self.log))
            encode = run.room('encode')
            encode.signal(signal.SIGKILL)
            harness.wait_until(lambda: not encode.alive, 'it is gone')
            harness.wait_until(lambda: self.place.process('earthshine-encode'), 'another encoder')
            harness.wait_commits(self.log, count + 60)
        harness.wait_until(lambda: [process.open_fds for process in others] == fds,
                           f'as many open files as before: {fds}', 10)
        committed = harness.read_log(self.log)[-1]['number']
        self.assertEqual(run.stop(), 130, run.messages())
        harness.probe(run.output, (640, 360))
        found = self.found(run)
        print(f'{len(set(found))} of {committed} numbers in the file')
        self.assertGreater(found[-1], committed - 10)
        if not harness.SANITIZED:
            self.assertGreater(len(set(found)), committed * 0.5)

    def test_encoder_hangs(self):
        """The watchdog replaces it; the app never hangs."""
        run = self.start()
        encode = run.room('encode')
        before = len(harness.read_log(self.log))
        encode.signal(signal.SIGSTOP)
        started = time.monotonic()
        harness.wait_commits(self.log, before + 60)
        self.assertLess(time.monotonic() - started, 4 if not harness.SANITIZED else 30,
                        'the app\'s callbacks hang with the encoder')
        harness.wait_until(lambda: not encode.alive, 'the hung encoder is killed')
        took = time.monotonic() - started
        another = run.room('encode')
        self.assertNotEqual(another.pid, encode.pid)
        count = len(harness.read_log(self.log))
        harness.wait_commits(self.log, count + 60)
        committed = harness.read_log(self.log)[-1]['number']
        self.assertEqual(run.stop(), 130, run.messages())
        print(f'replaced after {took:.1f} s')
        self.assertLess(took, 8 if not harness.SANITIZED else 20)
        harness.probe(run.output, (640, 360))
        self.assertGreater(self.found(run)[-1], committed - 10)

    def test_encoder_dies_again_and_again(self):
        """Five within a minute end the run, with a playable file."""
        run = self.start()
        for _ in range(8):
            encode = harness.wait_until(
                lambda: self.place.process('earthshine-encode') or run.popen.poll() is not None,
                'an encoder or the end', 15)
            if encode is True:
                break
            encode.signal(signal.SIGKILL)
            harness.wait_until(lambda: not encode.alive, 'it is gone')
        self.assertEqual(run.wait(), 1, run.messages())
        print(run.messages())
        harness.probe(run.output, (640, 360))

    def test_display_killed(self):
        run = self.start()
        run.room('display').signal(signal.SIGKILL)
        self.assertEqual(run.wait(), 1, run.messages())
        print(run.messages())
        harness.probe(run.output, (640, 360))
        self.assertGreater(len(self.found(run)), 10)

    def test_streamer_killed(self):
        run = self.start()
        run.room('stream').signal(signal.SIGKILL)
        self.assertEqual(run.wait(), 1, run.messages())
        print(run.messages())
        self.assertGreater(len(self.found(run)), 10)

    def test_host_killed(self):
        """Display and app end with it within 2 s; the file is playable."""
        run = self.start()
        started = time.monotonic()
        run.popen.kill()
        run.wait()
        harness.wait_until(lambda: not self.place.processes(), 'all processes are gone')
        took = time.monotonic() - started
        print(f'all gone after {took:.2f} s')
        self.assertLess(took, 2.5 if not harness.SANITIZED else 10)
        self.assertGreater(len(self.found(run)), 10)

    def test_rooms_stopped(self):
        """A display or streamer that hangs does not keep `run` from ending."""
        for room in ('display', 'stream'):
            with self.subTest(room=room):
                run = self.start(output=room + '.mkv')
                run.room(room).signal(signal.SIGSTOP)
                started = time.monotonic()
                run.popen.send_signal(signal.SIGINT)
                run.wait(40)
                print(f'{room}: ended after {time.monotonic() - started:.1f} s')
                self.place.assert_clean()

    def test_fragmented_mp4_survives(self):
        run = self.start(output='out.mp4')
        harness.wait_commits(self.log, 150)
        run.room('stream').signal(signal.SIGKILL)
        self.assertEqual(run.wait(), 1, run.messages())
        self.assertGreater(len(self.found(run)), 10)


if __name__ == '__main__':
    harness.main()
