"""What a user can get wrong: a clear message, the right exit status, nothing left behind."""

import os
import signal
import stat
import time

import harness

APP = ['sleep', '30']


class BadInput(harness.Case):
    def refuse(self, *options, expect=2, says=None, app=APP, output='out.mkv', **more):
        run = self.record(app, *options, expect=expect, output=output, **more)
        text = run.messages()
        print(f'{" ".join(str(o) for o in options)} {output}: {text.strip()}')
        self.assertTrue(text.startswith('earthshine: '), text)
        self.assertNotIn('Sanitizer', text)
        self.assertLess(len(text.splitlines()), 6)
        if says is not None:
            self.assertIn(says, text)
        return run

    def test_sizes_and_rates(self):
        for value in ('15x15', '9000x100', '100x9000', '8193x16', '640', '640x', 'x480', '-1x-1',
                      '640x480@0', '640x480@0.5', '640x480@1001', '640x480@59.9400', '640x480x3',
                      '99999999999x1', '640x480@', ''):
            with self.subTest(size=value):
                self.refuse('-s', value, says=value or None)

    def test_values(self):
        for options, word in ((('-r', '0'), '0'), (('-r', 'fast'), 'fast'), (('-W', '-5'), '-5'),
                              (('-H', '1e9'), '1e9'), (('-c', 'vp9'), 'vp9'),
                              (('-e', 'nosuch'), 'nosuch'), (('-b', '0'), '0'), (('-b', '20Q'), '20Q'),
                              (('-t', '-1'), '-1'), (('-t', 'soon'), 'soon'), (('-R', '99'), '99'),
                              (('--nosuch',), 'nosuch'), (('-Z',), 'Z'), (('-s',), '')):
            with self.subTest(options=options):
                self.refuse(*options, says=word)

    def test_encoder_of_another_codec(self):
        self.refuse('-c', 'av1', '-e', 'x264', says='x264', expect=2)

    def test_outputs(self):
        self.refuse(output='out.avi', says='.avi')
        self.refuse(output='out', says='out')
        self.refuse('-c', 'av1', output='out.ts', says='av1')
        self.refuse(output='missing/out.mkv', says='missing', expect=1)
        os.mkdir(self.place.file('folder.mkv'))
        self.refuse(output='folder.mkv', says='folder.mkv', expect=1)
        self.assertEqual(os.listdir(self.place.file('folder.mkv')), [])

    def test_no_app(self):
        self.refuse(app=None)
        self.refuse(app=[])

    def test_a_refused_run_leaves_the_file_alone(self):
        path = self.place.file('out.mkv')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('precious')
        self.refuse('-s', '1x1')
        self.assertEqual(harness.read_file(path), b'precious')
        self.refuse(app=['/nonexistent/app'], expect=127)
        self.assertEqual(harness.read_file(path), b'precious')

    def test_app_not_found(self):
        self.refuse(app=['nosuchapp-anywhere'], expect=127, says='nosuchapp-anywhere')
        self.refuse(app=['/nonexistent/app'], expect=127, says='/nonexistent/app')

    def test_app_not_executable(self):
        path = self.place.file('plain')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('text')
        self.refuse(app=[path], expect=126, says='plain')
        self.refuse(app=[self.place.path], expect=126)
        os.chmod(path, stat.S_IRWXU)
        with open(path, 'w', encoding='utf-8') as file:
            file.write('#!/nonexistent/interpreter\n')
        self.assertIn(self.run_app([path]).wait(), (126, 127))

    def test_app_exits_at_once(self):
        for code in (0, 7, 255):
            with self.subTest(code=code):
                self.record(['sh', '-c', f'exit {code}'], '-s', '320x240@60', expect=code)

    def test_exit_code_of_a_client(self):
        run = self.record(harness.paint('--frames', 5, '--exit-code', 42), '-s', '320x240@60', expect=42)
        harness.probe(run.output, (320, 240))

    def test_app_killed(self):
        run = self.record(['sh', '-c', 'kill -KILL $$'], '-s', '320x240@60', expect=128 + 9)
        print(run.messages())
        self.record(['sh', '-c', 'kill -SEGV $$'], '-s', '320x240@60', expect=128 + 11)

    def test_app_never_maps_a_window(self):
        run = self.record(['sleep', '1'], '-s', '320x240@60')
        harness.probe(run.output, (320, 240))
        self.assertTrue(harness.last_picture(self.place, run.output).near((0, 0, 0)) > 0.99)

    def test_app_stopped(self):
        """An app that was stopped and does not react to TERM is killed after 5 s."""
        log = self.place.file('log')
        run = self.run_app(harness.paint(log=log), '-s', '320x240@60')
        run.wait_ready()
        harness.wait_commits(log, 5)
        self.place.process('paint').signal(signal.SIGSTOP)
        started = time.monotonic()
        run.stop()
        self.assertLess(time.monotonic() - started, 9 if not harness.SANITIZED else 30)
        harness.probe(run.output, (320, 240))

    def test_app_ignores_term(self):
        deaf = self.place.file('deaf')
        run = self.run_app(['sh', '-c', 'trap "" TERM INT HUP; : >"$0"; sleep 60 & wait; wait; sleep 60', deaf],
                           '-s', '320x240@60')
        run.wait_ready()
        harness.wait_until(lambda: os.path.exists(deaf), 'the app does not listen')
        started = time.monotonic()
        run.stop()
        self.assertGreater(time.monotonic() - started, 4)

    def test_app_that_leaves_its_group(self):
        """Daemons of the app are ended with the session."""
        run = self.record(['sh', '-c', 'setsid sh -c "sleep 300 & sleep 301" >/dev/null 2>&1 & sleep 0.5'],
                          '-s', '320x240@60')
        del run

    def test_time_limit(self):
        started = time.monotonic()
        run = self.record(harness.paint(), '-s', '320x240@60', '-t', '1.5')
        self.assertGreater(time.monotonic() - started, 1.4)
        harness.probe(run.output, (320, 240))

    def test_interrupt_twice(self):
        run = self.run_app(['sh', '-c', 'trap "" TERM INT; sleep 60; sleep 60'], '-s', '320x240@60')
        run.wait_ready()
        run.popen.send_signal(signal.SIGINT)
        time.sleep(0.5)
        run.popen.send_signal(signal.SIGINT)
        run.wait()

    def test_interrupted_at_any_moment_of_the_start(self):
        for delay_ms in (0, 5, 20, 50, 100, 200):
            with self.subTest(delay_ms=delay_ms):
                run = self.run_app(harness.paint(), '-s', '320x240@60', output=f'{delay_ms}.mkv')
                time.sleep(delay_ms / 1000)
                run.popen.send_signal(signal.SIGTERM)
                run.wait()
                self.place.assert_clean()

    def test_full_output(self):
        """ENOSPC from the first byte on."""
        os.symlink('/dev/full', self.place.file('full.mkv'))
        log = self.place.file('log')
        run = self.record(harness.paint('--seconds', 3, log=log), '-s', '320x240@60', output='full.mkv',
                          expect=1)
        print(run.messages())
        self.assertIn('No space left', run.messages())

    def test_output_that_fills_up(self):
        """ENOSPC in the middle: what was written before is playable."""
        unmount = harness.small_disk(self.place.file('small'), 1 << 20)
        try:
            run = self.record(harness.paint('--seconds', 30, '--damage', 'full'), '-s', '1280x720@60', '-b',
                              '50M', output='small/out.mkv', expect=1, timeout=60)
            print(run.messages())
            self.assertIn('No space left', run.messages())
            self.assertGreater(len(harness.numbers(harness.read_marks(run.output))), 5)
        finally:
            unmount()

    def test_reader_goes_away(self):
        read_fd, write_fd = os.pipe()
        run = self.run_app(harness.paint('--seconds', 20), '-s', '320x240@60', output='-', stdout=write_fd)
        os.close(write_fd)
        self.assertTrue(os.read(read_fd, 1000))
        os.close(read_fd)
        status = run.wait()
        print(status, run.messages())
        self.assertEqual(status, 1)

    def test_runtime_dir(self):
        for value in (None, '/nonexistent/runtime', '/dev/null', 'relative'):
            with self.subTest(value=value):
                place = harness.Place()
                try:
                    if value is None:
                        del place.env['XDG_RUNTIME_DIR']
                    else:
                        place.env['XDG_RUNTIME_DIR'] = value
                    run = harness.Run(place, harness.paint('--frames', 5), '-s', '320x240@60')
                    status = run.wait()
                    print(value, status, run.messages())
                    self.assertIn(status, (0, 1), run.messages())
                    if status == 1:
                        self.assertIn('XDG_RUNTIME_DIR', run.messages())
                    else:
                        harness.probe(run.output, (320, 240))
                    place.assert_clean()
                finally:
                    place.finish()

    def test_two_at_once(self):
        """Also in the same runtime directory."""
        first = self.run_app(harness.paint('--frames', 60), '-s', '320x240@60', output='1.mkv')
        second = self.run_app(harness.paint('--frames', 60), '-s', '640x480@60', output='2.mkv')
        self.assertEqual(first.wait(), 0, first.messages())
        self.assertEqual(second.wait(), 0, second.messages())
        harness.probe(first.output, (320, 240))
        harness.probe(second.output, (640, 480))
        self.assertEqual(harness.numbers(harness.read_marks(first.output))[-1], 60)
        self.assertEqual(harness.numbers(harness.read_marks(second.output))[-1], 60)

    def test_environment_of_the_app(self):
        """The app sees its own displays, not the caller's, and no descriptor that is not its."""
        dump = self.place.file('dump')
        self.record(['sh', '-c', f'env > {dump}; ls /proc/self/fd >> {dump}'], '-s', '320x240@60',
                    env={'WAYLAND_DISPLAY': 'outer-0', 'DISPLAY': ':99', 'WAYLAND_SOCKET': '5'})
        lines = harness.read_file(dump).decode().splitlines()
        values = dict(line.split('=', 1) for line in lines if '=' in line)
        self.assertNotEqual(values['WAYLAND_DISPLAY'], 'outer-0')
        self.assertNotEqual(values.get('DISPLAY'), ':99')
        self.assertNotIn('WAYLAND_SOCKET', values)
        fds = [line for line in lines if line.isdigit()]
        self.assertLessEqual(len(fds), 4, fds)


if __name__ == '__main__':
    harness.main()
