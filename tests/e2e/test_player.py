"""What a browser's player gets and gives, at the streamer's WebSocket: pictures, sound, input, another size, a
line that is too slow, and a page that goes and comes back."""

import os
import socket
import struct
import threading
import time

import harness
import harness_serve
import opus
import player
from harness import BUILD, SANITIZED, Slow, numbers, patiently
from harness_serve import CACHE, LISTEN, Events, ServeCase
from test_moonlight_input import BTN_LEFT, KEY_A, Ear
from test_sound import HZ, write_tones

DOOR = os.environ.get('PLAYER_DOOR') or os.path.join(BUILD, 'tests/tools/player_door')
MODE = '640x360@60'
PLAYING, DETACHED = 2, 3


class PlayerTest(ServeCase):
    def open(self, *command, kbit=8000, mode=MODE, env=None):
        self.door = Events(self.place, [DOOR, mode, str(kbit), *command],
                           {'ROOMS': BUILD, 'XDG_CACHE_HOME': CACHE, **(env or {})})
        self.programs.append(self.door)
        self.port = self.door.wait_for('ready')['port']

    def join(self, **more):
        receive = socket.socket()
        receive.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        receive.connect(('127.0.0.1', self.port))
        page = player.Player(receive, **more)
        self.addCleanup(page.close)
        return page

    def state(self, number, start=0):
        self.door.wait_for('state', lambda event: event['state'] == number, start=start)

    def end(self):
        self.door.popen.stdin.close()
        self.assertEqual(self.door.popen.wait(harness.WAIT), 0)

    def decoded(self, page, start=0, end=None):
        """The app's frame numbers in the page's pictures."""
        path = self.place.file('pictures.h264')
        page.write(path, start, end)
        return numbers(harness.read_marks(path))

    def test_pictures(self):
        self.open(*self.paint())
        page = self.join()
        page.wait_pictures(60)
        config = page.configs[0]
        self.assertEqual((config['codec'], config['width'], config['height'], config['at']),
                         (0, 640, 360, 0))
        self.assertRegex(config['text'], '^avc1\\.[0-9a-f]{6}$')
        self.assertTrue(page.pictures[0].key)
        self.assertEqual([p.frame for p in page.pictures], list(range(len(page.pictures))))
        seen = self.decoded(page, end=60)
        self.assertGreaterEqual(len(seen), 50)  # an app that is slow to draw is not in the first ones
        self.check_numbers(seen)
        self.state(PLAYING)
        # a page that comes back begins with a whole picture
        page.send(player.BYE)
        self.state(DETACHED)
        again = self.join()
        again.wait_pictures(5)
        self.assertTrue(again.pictures[0].key)
        self.assertGreater(self.decoded(again, end=5)[0], seen[-1])
        self.end()

    def test_input(self):
        self.ear = ear = Ear(self.place.file('listen.log'))
        self.open(LISTEN, ear.path)
        page = self.join()
        page.wait_pictures(1)
        ear.hear(event='focus', focused=True)
        page.key(KEY_A, True)
        page.key(KEY_A, True)  # once is enough
        ear.hear(event='key', code=KEY_A, pressed=True)
        page.key(KEY_A, False)
        ear.hear(event='key', code=KEY_A, pressed=False)
        page.text('z\u00e9\u20ac')
        ear.hear(event='text', text='z\u00e9\u20ac')
        page.input(player.PLACE, 'HH', 65535 * 100 // 640, 65535 * 200 // 360)
        ear.hear(event='pointer-enter', x=100.0, y=200.0)
        page.input(player.MOVE, 'ii', 10 * 256, -5 * 256)
        self.assertEqual(ear.hear(event='relative')['dx'], 10)
        page.input(player.WHEEL, 'ii', 0, 120)
        ear.hear(event='wheel', axis=0, value120=120)
        page.input(player.TOUCH, 'BIHH', 1, 7, 65535 // 4, 65535 // 2)
        ear.hear(event='touch', phase='down', x=160.0, y=180.0)
        # what is held down when the page is gone does not stay so
        page.input(player.BUTTON, 'HB', BTN_LEFT, True)
        ear.hear(event='button', code=BTN_LEFT, pressed=True)
        page.key(KEY_A, True)
        ear.hear(event='key', code=KEY_A, pressed=True)
        page.close()
        ear.hear(event='key', code=KEY_A, pressed=False)
        self.assertTrue(ear.heard(event='button', code=BTN_LEFT, pressed=False))
        self.assertTrue(ear.heard(event='touch', phase='cancel'))
        self.end()

    def test_nonsense(self):
        """A page that does not keep to the protocol is sent away, and the session waits for another."""
        self.open(*self.paint())
        for nonsense, code in ((lambda page: page.send_frame(1, b'text'), 1003),
                               (lambda page: page.send_frame(2, b'P', masked=False), 1002),
                               (lambda page: page.send_frame(2, bytes(5000)), 1009),
                               (lambda page: page.send_frame(0, b''), 1002)):
            page = self.join()
            page.wait_pictures(1)
            page.send(999)  # of no use, but no harm
            start = self.door.mark
            nonsense(page)
            self.state(DETACHED, start)
            page.thread.join()
            self.assertEqual(page.closed, code)
        self.join().wait_pictures(1)
        self.end()

    def test_size(self):
        self.open(*self.paint())
        page = self.join()
        page.wait_pictures(10)
        for width, height in ((801, 451), (320, 240)):  # rounded down to what chroma allows
            page.resize(width, height)
            config = page.wait(lambda: [c for c in page.configs if c['height'] == height // 2 * 2],
                               'another size')[-1]
            self.assertEqual(config['width'], width // 2 * 2)
            page.wait_pictures(config['at'] + 20)
            self.assertTrue(page.pictures[config['at']].key)
            self.check_numbers(self.decoded(page, config['at'], config['at'] + 20), 15)
        page.resize(8192, 8192)  # more than this host allows
        page.wait_pictures(len(page.pictures) + 10)
        self.assertEqual(len(page.configs), 3)
        self.end()

    def test_sound(self):
        """Both ways through a real PipeWire: what the app plays, and what it records."""
        harness.need('pipewire', 'wireplumber', 'pw-cat')
        record = self.place.file('record.raw')
        self.open('sh', '-c', 'pw-cat -p "$0" & exec pw-cat --record --raw --format s16 --rate 48000 '
                  '--channels 1 "$1"', write_tones(self.place.file('tone.wav'), [HZ, HZ]), record,
                  env={'SOUND': '1'})
        page = self.join()
        page.wait(lambda: page.configs and page.configs[0]['channels'] == 2, 'sound')
        page.wait(lambda: self.hears(opus.decode(page.sounds[-100:]), HZ), f'{HZ} Hz')
        stop = threading.Event()
        speaker = threading.Thread(target=self.speak, args=(page, stop))
        speaker.start()
        try:
            harness.wait_until(lambda: self.hears(self.last_samples(record), 1000), '1000 Hz')
        finally:
            stop.set()
            speaker.join()
        self.end()

    @staticmethod
    def speak(page, stop):
        packets = opus.tone(1000, 1)  # whole periods
        start = time.monotonic()
        for index in range(6000):
            page.speak(index, packets[index % len(packets)])
            if stop.wait(max(0, start + index / 100 - time.monotonic())):  # as a microphone does
                return

    @staticmethod
    def last_samples(path):
        data = harness.read_file(path)[-24000 // 2 * 2:]
        return struct.unpack(f'<{len(data) // 2}h', data[:len(data) // 2 * 2])

    @staticmethod
    def hears(samples, hz):
        """A quarter of a second of it."""
        return any(abs((opus.heard_hz(samples[start:start + 12000]) or 0) - hz) < 1
                   for start in range(0, max(1, len(samples) - 12000 + 1), 2400))

    def test_clipboard(self):
        harness.need('wl-copy', 'wl-paste')
        pasted = self.place.file('pasted')
        self.open('sh', '-c', 'printf %s "of the app: \u00df" | wl-copy; while :; do '
                  'wl-paste -n >"$0.new" 2>/dev/null && mv "$0.new" "$0"; sleep 0.1; done', pasted,
                  env={'CLIPBOARD': '1'})
        page = self.join()
        page.wait(lambda: page.copied() == ['of the app: \u00df'], 'what the app has copied')
        long = '0123456789abc\u20ac' * 4096  # 64 KiB
        page.paste(long)
        harness.wait_until(lambda: harness.read_file(pasted).decode() == long, 'it is pasted')
        self.assertEqual(len(page.copied()), 1)  # its own it is not told
        self.end()

    @patiently
    def test_slow_line(self):
        """Pictures that are too large for the line: the newest is never old, whatever is left out."""
        self.open(*self.paint('--content', 'noise', '--damage', 'jump'), kbit=12000)
        page = self.join(kbit=3000)
        page.wait(lambda: any(self.kbit(m) < 3500 for m in page.messages), 'fewer bits')
        start = len(page.pictures)
        page.wait_pictures(start + 90)
        ages = sorted(picture.age_ms for picture in page.pictures[start:])
        print(f'[age of a picture: median {ages[len(ages) // 2]:.0f} ms, most {ages[-1]:.0f} ms; '
              f'since the beginning {max(p.age_ms for p in page.pictures):.0f} ms]')
        self.check_numbers(self.decoded(page), start)
        self.end()
        if ages[-1] > 250 and not SANITIZED:
            raise Slow(f'a picture was {ages[-1]:.0f} ms old')

    @staticmethod
    def kbit(message):
        kind, data = message
        return struct.unpack_from('<I', data)[0] if kind == player.STATS else 1 << 30


if __name__ == '__main__':
    harness_serve.main()
