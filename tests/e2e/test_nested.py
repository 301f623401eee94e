"""Whole compositors as the app, with an app of their own in them."""

import harness

WIDTH, HEIGHT = 960, 540
COLOUR = (0x20, 0x90, 0x60)
FOOT = 'foot --config=/dev/null -o colors.background=209060 -o colors-dark.background=209060 sleep 60'
NESTED = {'WLR_BACKENDS': 'wayland', 'WLR_RENDERER': 'pixman'}


class Nested(harness.Case):
    def check(self, app):
        share = 0
        for seconds in (5, 12, 30):
            run = self.run_app(app, '-s', f'{WIDTH}x{HEIGHT}@60', '-t', seconds, env=NESTED)
            self.assertEqual(run.wait(seconds + harness.WAIT), 0, run.messages())
            harness.probe(run.output, (WIDTH, HEIGHT))
            share = harness.last_picture(self.place, run.output).near(COLOUR)
            self.place.assert_clean()
            if share > 0.5:
                return
        self.fail(f'only {share:.2f} of the picture is the nested app\'s\n{run.messages()}')

    def test_sway(self):
        harness.need('sway', 'foot')
        config = self.place.file('sway.conf')
        with open(config, 'w', encoding='utf-8') as file:
            file.write(f'default_border none\nxwayland disable\nexec {FOOT}\n')
        self.check(['sway', '-c', config])

    def test_labwc(self):
        harness.need('labwc', 'foot')
        config = self.place.file('labwc')
        self.check(['labwc', '-C', config, '-s', FOOT.replace('foot', 'foot --maximized', 1)])


if __name__ == '__main__':
    harness.main()
