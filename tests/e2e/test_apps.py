"""Real Wayland apps: the file has the asked size, decodes, and shows what the app shows."""

import subprocess

import harness

WIDTH, HEIGHT = 800, 600


class Apps(harness.Case):
    def picture_of(self, app, looks_right, *options, env=None):
        """The last picture of a run that was long enough for the app to come up."""
        picture = None
        for seconds in (3, 8, 25):
            run = self.record(app, '-s', f'{WIDTH}x{HEIGHT}@60', '-t', seconds, *options, env=env,
                              timeout=seconds + harness.WAIT)
            harness.probe(run.output, (WIDTH, HEIGHT))
            picture = harness.last_picture(self.place, run.output)
            if looks_right(picture):
                return run
        self.fail('the last picture does not look right: '
                  f'middle {picture.pixel(WIDTH // 2, HEIGHT // 2)}, black {picture.near((0, 0, 0)):.2f}')

    def test_paint(self):
        """Pixel by pixel against what the client has drawn."""
        drawn = self.place.file('drawn.ppm')
        run = self.record(
            harness.paint('--frames', 60, '--content', 'gradient', '--dump', f'40:{drawn}'),
            '-s', f'{WIDTH}x{HEIGHT}@60', '-b', '20M')
        harness.probe(run.output, (WIDTH, HEIGHT))
        entries = harness.read_marks(run.output, '--compare-number', f'40:{drawn}')
        compared = [e for e in entries if 'compared' in e]
        print(compared)
        self.assertEqual(len(compared), 1)
        for channel in ('red', 'green', 'blue'):
            self.assertLess(compared[0][channel], 3.0)

    def test_weston_simple_shm(self):
        harness.need('weston-simple-shm')

        def colourful(picture):
            middle = {picture.pixel(WIDTH // 2 + dx, HEIGHT // 2 + dy)
                      for dx in range(-60, 60, 7) for dy in range(-60, 60, 7)}
            return len(middle) > 30

        run = self.picture_of(['weston-simple-shm'], colourful)
        # It animates with the frame callbacks.
        self.assertGreater(run.stats()['frames']['new'], 10 if harness.SANITIZED else 60)

    def test_foot(self):
        harness.need('foot')
        colour = (0x20, 0x60, 0xA0)
        self.picture_of(
            ['foot', '--config=/dev/null', '-o', 'colors.background=2060a0', '-o',
             'colors-dark.background=2060a0', 'sh', '-c', 'printf "hello\\n"; exec sleep 60'],
            lambda picture: picture.near(colour) > 0.8)

    def test_mpv_fullscreen(self):
        harness.need('mpv', 'ffmpeg')
        clip, still = self.place.file('clip.mkv'), self.place.file('still.ppm')
        source = ['ffmpeg', '-v', 'error', '-f', 'lavfi', '-i', f'smptebars=size={WIDTH}x{HEIGHT}:rate=30']
        subprocess.run([*source, '-t', '60', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p',
                        clip], check=True, timeout=120)
        subprocess.run([*source, '-frames:v', '1', '-update', '1', still], check=True, timeout=60)
        expected = harness.Picture(still)
        self.picture_of(
            ['mpv', '--no-config', '--vo=wlshm', '--fs', '--no-audio', '--no-osc', '--osd-level=0', '--loop', clip],
            lambda picture: picture.mean_difference(expected) < 12)


if __name__ == '__main__':
    harness.main()
