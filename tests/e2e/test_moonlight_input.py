"""Whatever a client does with keys, mouse, fingers and pen arrives in the app with the right values."""

import json
import signal

import harness_serve
from harness import read_file, wait_until
from harness_serve import LISTEN, ServeCase

KEY_LEFTSHIFT, KEY_A, KEY_Q = 42, 30, 16
BTN_LEFT, BTN_RIGHT, BTN_MIDDLE, BTN_SIDE, BTN_EXTRA = 272, 273, 274, 275, 276
BTN_STYLUS = 0x14b


class Ear:
    """What the listening client has written down."""

    def __init__(self, path):
        self.path = path
        self.at = 0

    def read(self):
        entries = []
        for line in read_file(self.path).decode().splitlines():
            try:
                entries.append(json.loads(line))
            except ValueError:
                break  # not yet whole
        return entries

    def find(self, wanted):
        for index, entry in enumerate(self.read()[self.at:]):
            if all(self.equal(entry.get(name), value) for name, value in wanted.items()):
                return self.at + index + 1, entry
        return None

    @staticmethod
    def equal(value, wanted):
        if isinstance(wanted, float):
            return value is not None and abs(value - wanted) <= 1.01
        return value == wanted

    def hear(self, **wanted):
        """The next entry with these values after the one that was heard before; floats to a pixel."""
        try:
            self.at, entry = wait_until(lambda: self.find(wanted), f'{wanted} is heard')
        except AssertionError as error:
            raise AssertionError(f'{error}; since then: {self.read()[self.at:]}') from None
        return entry

    def heard(self, **wanted):
        at, self.at = self.at, 0
        found = self.find(wanted)
        self.at = at
        return found is not None


class MoonlightInput(ServeCase):
    def listen(self):
        self.ear = Ear(self.place.file('listen.log'))
        host = self.serve({'listen': [LISTEN, self.ear.path]})
        device = host.device().paired()
        stream = device.play(app=1).wait_playing()
        self.ear.hear(event='focus', focused=True)
        return host, device, stream

    def test_keys_and_text(self):
        _, _, stream = self.listen()
        ear = self.ear
        stream.send('key 0x8041 down')
        ear.hear(event='key', code=KEY_A, pressed=True)
        stream.send('key 0x8041 up')
        ear.hear(event='key', code=KEY_A, pressed=False)
        # held modifier
        stream.send('key 0xa0 down 1')
        ear.hear(event='key', code=KEY_LEFTSHIFT, pressed=True)
        ear.hear(event='modifiers', depressed=1)
        stream.send('key 0x41 down 1')
        ear.hear(event='key', code=KEY_A, pressed=True)
        stream.send('key 0x41 up 1')
        stream.send('key 0xa0 up')
        ear.hear(event='key', code=KEY_LEFTSHIFT, pressed=False)
        ear.hear(event='modifiers', depressed=0)
        # a modifier that the client names, but has not pressed
        stream.send('key 0x51 down 1')
        ear.hear(event='modifiers', depressed=1)
        ear.hear(event='key', code=KEY_Q, pressed=True)
        stream.send('key 0x51 up')
        ear.hear(event='modifiers', depressed=0)
        ear.hear(event='key', code=KEY_Q, pressed=False)
        stream.send('text z\u00e9\u20ac\U0001f600')
        for letter in 'z\u00e9\u20ac\U0001f600':
            ear.hear(event='text', text=letter)
        self.check_stream(stream.quit())

    def test_mouse(self):
        _, _, stream = self.listen()
        ear = self.ear
        stream.send('mouse abs 100 200 640 360')
        ear.hear(event='motion', x=100.0, y=200.0)
        stream.send('mouse rel 10 -5')
        self.assertEqual(ear.hear(event='relative')['dx'], 10)
        ear.hear(event='motion', x=110.0, y=195.0)
        stream.send('mouse abs 639 359 640 360')
        ear.hear(event='motion', x=639.5, y=359.5)
        # of another reference size
        stream.send('mouse abs 960 540 1920 1080')
        ear.hear(event='motion', x=320.0, y=180.0)
        for number, code in enumerate((BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE, BTN_EXTRA), 1):
            stream.send(f'button {number} down')
            ear.hear(event='button', code=code, pressed=True)
            stream.send(f'button {number} up')
            ear.hear(event='button', code=code, pressed=False)
        stream.send('wheel 120')
        ear.hear(event='wheel', axis=0, value120=-120)
        stream.send('wheel -30')
        ear.hear(event='wheel', axis=0, value120=30)
        stream.send('hwheel 60')
        ear.hear(event='wheel', axis=1, value120=60)
        self.check_stream(stream.quit())

    def test_touch(self):
        _, _, stream = self.listen()
        ear = self.ear
        stream.send('touch down 7 0.25 0.5 1')
        first = ear.hear(event='touch', phase='down', x=160.0, y=180.0)['id']
        stream.send('touch down 4294967290 0.75 0.25 0.5')
        second = ear.hear(event='touch', phase='down', x=480.0, y=90.0)['id']
        self.assertNotEqual(first, second)
        stream.send('touch move 7 0.5 0.75 1')
        ear.hear(event='touch', phase='motion', id=first, x=320.0, y=270.0)
        stream.send('touch up 4294967290 0.75 0.25 0')
        ear.hear(event='touch', phase='up', id=second)
        stream.send('touch up 7 0.5 0.75 0')
        ear.hear(event='touch', phase='up', id=first)
        stream.send('touch down 9 0.1 0.1 1')
        ear.hear(event='touch', phase='down')
        stream.send('touch cancel-all 0 0 0 0')
        ear.hear(event='touch', phase='cancel')
        self.check_stream(stream.quit())

    def test_pen(self):
        _, _, stream = self.listen()
        ear = self.ear
        stream.send('pen hover 1 0 0.5 0.5 0.5')
        ear.hear(event='pen', what='near', tool='pen')
        ear.hear(event='pen', what='motion', x=320.0, y=180.0)
        stream.send('pen down 1 0 0.5 0.5 0.75 90 30')
        ear.hear(event='pen', what='down')
        # the values of a frame come in any order
        wait_until(lambda: ear.heard(event='pen', what='pressure'), 'pressure')
        pressures = [e['value'] for e in ear.read() if e.get('what') == 'pressure']
        self.assertAlmostEqual(pressures[-1], 0.75, delta=0.01)
        tilts = [(e['x'], e['y']) for e in ear.read() if e.get('what') == 'tilt']
        self.assertAlmostEqual(tilts[-1][0], 30, delta=1)
        self.assertAlmostEqual(tilts[-1][1], 0, delta=1)
        stream.send('pen move 1 1 0.25 0.25 0.5 90 30')
        ear.hear(event='pen', what='motion', x=160.0, y=90.0)
        wait_until(lambda: ear.heard(event='pen', what='button', code=BTN_STYLUS, pressed=True),
                   'the first button')
        stream.send('pen up 1 0 0.25 0.25 0')
        ear.hear(event='pen', what='up')
        stream.send('pen leave 1 0 0.25 0.25 0')
        ear.hear(event='pen', what='away')
        stream.send('pen down 2 0 0.5 0.5 1')
        ear.hear(event='pen', what='near', tool='eraser')
        ear.hear(event='pen', what='down')
        self.check_stream(stream.quit())
        ear.hear(event='pen', what='up')
        ear.hear(event='pen', what='away')

    def test_released_on_disconnect(self):
        host, device, stream = self.listen()
        ear = self.ear
        self.hold(stream)
        stream.quit()
        self.hear_released()
        # a client that is killed, once it is missed
        host.wait_session('detached')
        stream = device.play().wait_playing()
        self.hold(stream)
        stream.popen.send_signal(signal.SIGKILL)
        self.hear_released()
        host.wait_session('detached')

    def hold(self, stream):
        stream.send('mouse abs 100 100 640 360')
        stream.send('key 0x41 down')
        self.ear.hear(event='key', code=KEY_A, pressed=True)
        stream.send('button 1 down')
        self.ear.hear(event='button', code=BTN_LEFT, pressed=True)
        stream.send('touch down 1 0.5 0.5 1')
        self.ear.hear(event='touch', phase='down')

    def hear_released(self):
        at = self.ear.at
        for wanted in ({'event': 'key', 'code': KEY_A, 'pressed': False},
                       {'event': 'button', 'code': BTN_LEFT, 'pressed': False}):
            self.ear.at = at
            self.ear.hear(**wanted)
        wait_until(lambda: any(e.get('event') == 'touch' and e['phase'] in ('up', 'cancel')
                               for e in self.ear.read()[at:]), 'the finger is lifted')
        self.ear.at = len(self.ear.read())


if __name__ == '__main__':
    harness_serve.main()
