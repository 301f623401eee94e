"""What dies is replaced, or ends in order; the rest goes on."""

import signal

import harness
import harness_serve
import test_sound
from harness import wait_until
from harness_serve import ServeCase

GRACEFUL = '0x80030023'
FREEZE_NS = 1.5e9


class MoonlightFailures(ServeCase):
    def begin(self, *options, **more):
        host = self.serve(**more)
        device = host.device().paired()
        stream = device.play(*options, app=1)
        stream.wait_frames(20)
        return host, device, stream

    def check_replaced(self, host, stream, number):
        encoder = host.room('encode')
        start = stream.mark
        encoder.signal(number)
        # Pictures that were on their way may still come; the new encoder begins with an IDR.
        idr = stream.wait_for('frame', lambda frame: frame['type'] == 2, start=start)
        before = [f for f in stream.frames() if f['frame'] < idr['frame']][-1]
        self.assertEqual(idr['frame'], before['frame'] + 1)
        freeze = idr['at_ns'] - before['at_ns']
        self.judge(freeze < FREEZE_NS, f'{freeze / 1e6:.0f} ms without a picture')
        stream.wait_frames(20, start=stream.mark)
        self.check_numbers(stream.numbers())

    def test_encoder_killed(self):
        self.replace_encoder(signal.SIGKILL)

    def test_encoder_hangs(self):
        self.replace_encoder(signal.SIGSTOP)

    def replace_encoder(self, number):
        host, _, stream = self.begin()

        @harness.patiently
        def check(_):
            self.check_replaced(host, stream, number)
        check(self)
        self.check_stream(stream.quit(), 40)

    def test_sound_goes_on(self):
        """Whatever happens to the encoder: not a packet is missing, and half a second after half a second
        is the app's tone."""
        harness.need(*test_sound.NEED)
        tone = test_sound.write_tones(self.place.file('tone.wav'), [test_sound.HZ])
        app = ['sh', '-c', 'paplay "$0" & exec "$@"', tone, *self.paint()]
        host = self.serve({'tone': app}, sound=True)
        stream = host.device().paired().play(app=1)

        def is_tone(event):
            # Under a sanitizer the app has gaps all the time.
            near = 1 if not harness.SANITIZED else test_sound.HZ
            return abs(event['hz'][0] - test_sound.HZ) <= near and event['level'][0] > 0.02
        stream.wait_for('sound', is_tone)

        @harness.patiently
        def check(_, number):
            start = stream.mark
            self.check_replaced(host, stream, number)
            stream.wait_for('sound', is_tone, start=stream.mark)
            events = stream.all('sound', start)
            if not all(is_tone(event) for event in events):
                raise harness.Slow(f'the app, or PipeWire, was late with its tone: {events}')
        for number in (signal.SIGKILL, signal.SIGSTOP):
            check(self, number)
        end = stream.quit()
        self.assertEqual((end['audio_missing'], end['audio_bad']), (0, 0), end)
        self.check_stream(end, 40)

    def test_streamer_killed(self):
        host, device, stream = self.begin()
        last = stream.numbers()[-1]
        host.room('stream').signal(signal.SIGKILL)
        host.wait_session('detached')
        stream.kill()
        again = device.play()
        again.wait_frames(20)
        self.assertGreater(again.numbers()[-1], last)
        self.check_stream(again.quit(), 20)

    def test_app_ends(self):
        host, device, stream = self.begin(
            apps={'short': self.paint('--frames', 90)})
        end = stream.wait_end()
        self.assertEqual((end['reason'], end['code']), ('termination', GRACEFUL))
        self.check_stream(end, 20)
        host.wait_no_session()
        self.assertEqual(device.tag('state'), 'SUNSHINE_SERVER_FREE')

    def test_app_killed(self):
        host, device, stream = self.begin()
        self.place.process('paint').signal(signal.SIGKILL)
        end = stream.wait_end()
        self.assertEqual((end['reason'], end['code']), ('termination', GRACEFUL))
        host.wait_no_session()
        self.assertEqual(device.tag('currentgame'), '0')

    def test_display_killed(self):
        host, device, stream = self.begin(apps={'one': self.paint(), 'two': self.paint()})
        other = host.device('deck').paired()
        second = other.play(app=2, mode='320x240x30')
        second.wait_frames(5)
        displays = [p for p in self.place.processes() if p.name == 'earthshine-display']
        self.assertEqual(len(displays), 2)
        displays[0].signal(signal.SIGKILL)
        ended, lives = self.one_ends(stream, second)
        self.assertEqual(ended.wait_end()['reason'], 'termination')
        wait_until(lambda: len(host.sessions()) == 1, 'its session is gone')
        lives.wait_frames(20, start=lives.mark)
        self.check_stream(lives.quit(), 20)

    def one_ends(self, first, second):
        wait_until(lambda: first.all('end') or second.all('end'), 'one ends')
        return (first, second) if first.all('end') else (second, first)

    def test_cancel_and_stop_while_playing(self):
        host, device, stream = self.begin()
        device.cancel()
        end = stream.wait_end()
        self.assertEqual((end['reason'], end['code']), ('termination', GRACEFUL))
        self.assertEqual(host.rooms(), [])
        stream = device.play(app=1)
        stream.wait_frames(5)
        self.assertEqual(host.cli('stop').returncode, 0)
        self.assertEqual(stream.wait_end()['code'], GRACEFUL)
        self.assertEqual(host.rooms(), [])

    def test_revoked_while_playing(self):
        host, device, stream = self.begin()
        client = host.clients()[0]['id']
        self.assertEqual(host.cli('clients', 'revoke', client).returncode, 0)
        self.assertEqual(stream.wait_end()['reason'], 'termination')
        self.assertEqual(device.ask('applist')['status'], 401)

    def test_host_drains(self):
        host, _, stream = self.begin()
        self.assertEqual(host.stop(), 0)
        end = stream.wait_end()
        self.assertEqual((end['reason'], end['code']), ('termination', GRACEFUL))
        self.assertEqual(host.rooms(), [])


if __name__ == '__main__':
    harness_serve.main()
