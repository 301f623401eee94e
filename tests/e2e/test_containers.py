"""Every codec in every container that holds it: playable, complete, in order."""

import subprocess

import harness

FRAMES = 40


class Containers(harness.Case):
    @harness.patiently
    def check(self, output, codec, expect_codec=None):
        run = self.record(harness.paint('--frames', FRAMES), '-s', '640x360@60', '-c', codec,
                          output=output, timeout=60 + harness.WAIT)
        stream = harness.probe(run.output, (640, 360))
        self.assertEqual(stream['codec_name'], expect_codec or codec)
        self.assertEqual(stream.get('color_space'), 'bt709')
        self.assertEqual(stream.get('color_range'), 'tv')
        found = harness.numbers(harness.read_marks(run.output))
        self.assertEqual(found, sorted(found))
        self.assertEqual(found[-1], FRAMES)
        # What was drawn before the encoder was up is superseded.
        if codec == 'h264' and not harness.SANITIZED and len(set(found)) < FRAMES // 2:
            raise harness.Slow(f'{len(set(found))} of {FRAMES} pictures')
        return run

    def test_h264_mkv(self):
        run = self.check('out.mkv', 'h264')
        marks = harness.read_marks(run.output)
        stamps = [m['pts_us'] for m in marks]
        self.assertEqual(stamps, sorted(set(stamps)), 'time stamps must ascend')

    def test_h264_mp4(self):
        self.check('out.mp4', 'h264')

    def test_h264_ts(self):
        self.check('out.ts', 'h264')

    def test_h264_raw(self):
        self.check('out.h264', 'h264')

    def test_hevc_mkv(self):
        self.check('out.mkv', 'hevc')

    def test_hevc_mp4(self):
        self.check('out.mp4', 'hevc')

    def test_hevc_ts(self):
        self.check('out.ts', 'hevc')

    def test_av1_mkv(self):
        self.check('out.mkv', 'av1')

    def test_av1_mp4(self):
        self.check('out.mp4', 'av1')

    def test_depth_and_chroma(self):
        for codec, depth, chroma, expect in (
                ('h264', 10, 420, 'yuv420p10le'), ('h264', 8, 444, 'yuv444p'),
                ('hevc', 10, 444, 'yuv444p10le'), ('av1', 10, 420, 'yuv420p10le')):
            with self.subTest(codec=codec, expect=expect):
                run = self.record(harness.paint('--frames', 10), '-s', '320x240@60', '-c', codec,
                                  '--depth', str(depth), '--chroma', str(chroma),
                                  output=f'{codec}-{expect}.mkv', timeout=60 + harness.WAIT)
                stream = harness.probe(run.output, (320, 240))
                self.assertEqual(stream['pix_fmt'], expect)
                self.assertEqual(stream.get('color_space'), 'bt709')

    def test_odd_sizes(self):
        for size in ((1366, 768), (641, 361), (318, 238), (96, 64)):
            with self.subTest(size=size):
                run = self.record(harness.paint('--frames', 10), '-s', f'{size[0]}x{size[1]}@60',
                                  output=f'{size[0]}.mkv')
                stream = harness.probe(run.output)
                self.assertLessEqual(abs(stream['width'] - size[0]), 1)
                self.assertLessEqual(abs(stream['height'] - size[1]), 1)

    def test_standard_output(self):
        target = self.place.file('piped.h264')
        with open(target, 'wb') as file:
            run = self.run_app(harness.paint('--frames', FRAMES), '-s', '640x360@60', output='-', stdout=file)
            self.assertEqual(run.wait(), 0, run.messages())
        self.assertEqual(harness.numbers(harness.read_marks(target))[-1], FRAMES)

    def test_slow_reader(self):
        """A pipe that is read slowly: nothing that was encoded is lost, the screen goes on."""
        target = self.place.file('slow.h264')
        with open(target, 'wb') as file:
            reader = subprocess.Popen(['sh', '-c', 'sleep 1; head -c 20000; sleep 1; cat'],
                                      stdin=subprocess.PIPE, stdout=file)
        run = self.run_app(
            harness.paint('--rate', 60, '--seconds', 4, '--content', 'noise'), '-s', '640x360@60',
            '-b', '20M', output='-', stdout=reader.stdin)
        reader.stdin.close()
        self.assertEqual(run.wait(), 0, run.messages())
        reader.wait(20)
        marks = harness.read_marks(target)
        found = harness.numbers(marks)
        self.assertEqual(found, sorted(found))
        frames = run.stats()['frames']
        print(frames, len(marks))
        self.assertEqual(frames['dropped'], 0)
        self.assertEqual(len(marks), frames['new'] + frames['repeated'] + frames['cursor'])


if __name__ == '__main__':
    harness.main()
