"""X11 apps through Xwayland, which is started when the first one comes."""

import harness

WIDTH, HEIGHT = 640, 480


def xwayland(place):
    return [p for p in place.processes() if p.name == 'Xwayland']


class X11(harness.Case):
    def setUp(self):
        super().setUp()
        harness.need('Xwayland')

    def picture_of(self, app, looks_right, *options):
        picture = None
        for seconds in (4, 10, 25):
            run = self.run_app(app, '-s', f'{WIDTH}x{HEIGHT}@60', '-t', seconds, *options)
            self.assertEqual(run.wait(seconds + harness.WAIT), 0, run.messages())
            harness.probe(run.output, (WIDTH, HEIGHT))
            picture = harness.last_picture(self.place, run.output)
            if looks_right(picture):
                return run
        self.fail('the last picture does not look right: '
                  f'middle {picture.pixel(WIDTH // 2, HEIGHT // 2)}, black {picture.near((0, 0, 0)):.2f}')

    def test_xclock(self):
        harness.need('xclock')
        colour = (0x30, 0x80, 0x50)
        self.picture_of(
            ['xclock', '-digital', '-bg', '#308050', '-geometry', f'{WIDTH}x{HEIGHT}+0+0'],
            lambda picture: picture.near(colour) > 0.5)

    def test_xterm(self):
        harness.need('xterm')
        colour = (0x70, 0x30, 0x60)
        self.picture_of(
            ['xterm', '-bg', '#703060', '-geometry', '200x80+0+0', '-e', 'sleep 60'],
            lambda picture: picture.near(colour) > 0.5)

    def test_glxgears(self):
        harness.need('glxgears')
        red, green = (0xcc, 0x1a, 0x00), (0x00, 0xcc, 0x33)

        def gears(picture):
            # Lit, so not exactly these: something reddish and something greenish.
            pixels = [picture.pixel(x, y) for x in range(0, WIDTH, 4) for y in range(0, HEIGHT, 4)]
            reddish = sum(r > 90 and g < r / 2 and b < r / 2 for r, g, b in pixels)
            greenish = sum(g > 90 and r < g / 2 for r, g, b in pixels)
            return reddish > 50 and greenish > 50

        run = self.picture_of(['glxgears', '-geometry', f'{WIDTH}x{HEIGHT}'], gears)
        self.assertGreater(run.stats()['frames']['new'], 5 if harness.SANITIZED else 30)

    def test_started_lazily(self):
        log = self.place.file('log')
        run = self.run_app(harness.paint(log=log), '-s', '640x480@60')
        run.wait_ready()
        harness.wait_commits(log, 10)
        self.assertEqual(xwayland(self.place), [])
        self.assertEqual(run.stop(), 130, run.messages())

    def test_ends_with_the_session(self):
        harness.need('xclock')
        run = self.run_app(['xclock'], '-s', '640x480@60')
        run.wait_ready()
        harness.wait_until(lambda: xwayland(self.place), 'Xwayland runs')
        run.stop()


if __name__ == '__main__':
    harness.main()
