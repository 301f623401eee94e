"""Gamepads of a Moonlight client, as apps and their users see them."""

import contextlib
import glob
import grp
import json
import os
import signal
import stat
import subprocess
import unittest

import evdev
from evdev import ecodes, ff

import harness
import harness_serve
import harness_vm
from harness import wait_until

# What a client says: bits of buttons and capabilities, types.
UP, DOWN, LEFT, RIGHT, START, BACK, LS, RS = (1 << i for i in range(8))
LB, RB, GUIDE, A, B, X, Y = 0x100, 0x200, 0x400, 0x1000, 0x2000, 0x4000, 0x8000
PADDLES, TOUCHPAD, MISC = (0x10000, 0x20000, 0x40000, 0x80000), 0x100000, 0x200000
XBOX, PLAYSTATION, NINTENDO = 1, 2, 3
SENSORS = 0x02 | 0x08 | 0x10 | 0x20 | 0x40 | 0x80

COMMON_BUTTONS = {A: ecodes.BTN_A, B: ecodes.BTN_B, X: ecodes.BTN_X, Y: ecodes.BTN_Y,
                  LB: ecodes.BTN_TL, RB: ecodes.BTN_TR, BACK: ecodes.BTN_SELECT,
                  START: ecodes.BTN_START, GUIDE: ecodes.BTN_MODE,
                  LS: ecodes.BTN_THUMBL, RS: ecodes.BTN_THUMBR}
# The same for SDL, which goes by the place of a button, not by what is written on it.
SDL_BUTTONS = {A: 'a', B: 'b', X: 'x', Y: 'y', LB: 'leftshoulder', RB: 'rightshoulder', BACK: 'back',
               START: 'start', GUIDE: 'guide', LS: 'leftstick', RS: 'rightstick', UP: 'dpup',
               DOWN: 'dpdown', LEFT: 'dpleft', RIGHT: 'dpright'}
BTN_GRIPL, BTN_GRIPR, BTN_GRIPL2, BTN_GRIPR2 = range(0x224, 0x228)
SDL_MISC = {MISC: 'misc1'}
SDL_PADDLES = dict(zip(PADDLES, ('paddle1', 'paddle2', 'paddle3', 'paddle4')))
SDL_STICKS = ('leftx', 'lefty', 'rightx', 'righty')
ACCELEROMETER, GYROSCOPE = 1, 2
PADS_SDL = os.environ.get('PADS_SDL') or os.path.join(harness.BUILD, 'tests/clients/pads_sdl')
XBOX_NAME = 'Microsoft X-Box 360 pad'
DUALSENSE_NAME = 'Sony Interactive Entertainment DualSense Wireless Controller'
DUALSHOCK_NAME = 'Sony Interactive Entertainment Wireless Controller'


def install_rules():
    """Where udev looks and we may write, with the helper where it is."""
    data = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'data', 'udev')
    with open(os.path.join(data, '72-earthshine.rules.in'), encoding='ascii') as file:
        rules = file.read().replace('@UDEVDIR@', os.path.realpath(data))
    os.makedirs('/run/udev/rules.d', exist_ok=True)
    with open('/run/udev/rules.d/72-earthshine.rules', 'w', encoding='ascii') as file:
        file.write(rules)
    harness_vm.output_of('udevadm', 'control', '--reload')


class Eye:
    """One event device, and all that has been read from it."""

    def __init__(self, device):
        self.device = device
        self.keys = {}
        self.abs = {code: info.value for code, info in device.capabilities().get(ecodes.EV_ABS, ())}
        self.others = []

    def read(self):
        forgotten = False
        while (event := self.device.read_one()) is not None:
            if event.type == ecodes.EV_KEY:
                self.keys[event.code] = event.value
            elif event.type == ecodes.EV_ABS:
                self.abs[event.code] = event.value
            else:
                self.others.append((event.type, event.code, event.value))
                forgotten |= (event.type, event.code) == (ecodes.EV_SYN, ecodes.SYN_DROPPED)
        if forgotten:
            self.ask()

    def ask(self):
        """What is so now: the kernel forgets events of who does not read them in time."""
        self.keys = dict.fromkeys(self.device.active_keys(), 1)
        for code in self.abs:
            if code < ecodes.ABS_MT_SLOT:  # contacts cannot be asked for so; nor are they many
                self.abs[code] = self.device.absinfo(code).value

    def pressed(self):
        self.read()
        return {code for code, value in self.keys.items() if value}

    def wait_pressed(self, codes):
        wait_until(lambda: self.pressed() == set(codes), f'{codes} are pressed, not {self.pressed()}')

    def wait_abs(self, within=0, **wanted):
        def look():
            self.read()
            return all(abs(self.abs[ecodes.ecodes[name]] - value) <= within
                       for name, value in wanted.items())
        try:
            wait_until(look, f'{wanted}')
        except harness.Failed as error:
            now = {name: self.abs.get(ecodes.ecodes[name]) for name in wanted}
            raise harness.Failed(f'{error}; now {now}') from None


class Game:
    """What an app knows by SDL, out of what it has written down."""

    def __init__(self, path):
        self.path = path
        self.position = 0
        self.pads = {}
        self.events = []

    def read(self):
        with open(self.path, 'a+b') as file:
            file.seek(self.position)
            for line in file.read().splitlines(keepends=True):
                if line.endswith(b'\n'):
                    self.position += len(line)
                    self.take(json.loads(line))

    def take(self, event):
        self.events.append(event)
        if 'added' in event:
            self.pads[event['added']] = {**event, 'pressed': set(), 'at': {}}
        self.pads.pop(event.get('removed'), None)
        pad = self.pads.get(event.get('pad'), {})
        if 'button' in event:
            (pad['pressed'].add if event['down'] else pad['pressed'].discard)(event['button'])
        for key in ('axis', 'sensor', 'finger'):
            if key in event:
                pad['at'][event[key] if key != 'finger' else ('finger', event[key])] = event

    def pad(self):
        """The only one, once it is there."""
        def look():
            self.read()
            return list(self.pads.values())[0] if len(self.pads) == 1 else None
        return wait_until(look, f'SDL has one gamepad, not {self.pads}')

    def wait(self, matches, what):
        """Until the only pad is like that. A driver of SDL's may open it anew meanwhile."""
        def look():
            self.read()
            return any(matches(pad) for pad in self.pads.values())
        try:
            wait_until(look, f'SDL: {what}')
        except harness.Failed as error:
            raise harness.Failed(f'{error}; now {self.pads}') from None

    def wait_pressed(self, buttons):
        self.wait(lambda pad: pad['pressed'] == set(buttons), f'{buttons} are pressed')

    def wait_axes(self, within=0, **wanted):
        self.wait(lambda pad: all(name in pad['at'] and abs(pad['at'][name]['at'] - value) <= within
                                  for name, value in wanted.items()), f'{wanted}')

    def wait_sensor(self, sensor, *wanted, within):
        def near(pad):
            seen = pad['at'].get(sensor, {}).get('at', ())
            return seen and all(abs(a - b) <= within for a, b in zip(seen, wanted))
        self.wait(near, f'sensor {sensor} at {wanted}')


def rumbles(stream):
    return any(event['low'] or event['high'] for event in stream.all('pad-rumble')[-1:])


def devices(name=None):
    found = []
    # Not evdev.list_devices: it trips over those that go meanwhile.
    for path in sorted(glob.glob('/dev/input/event*')):
        try:
            device = evdev.InputDevice(path)
        except OSError:
            continue
        # Drivers hand on the one or the other of what it was made with.
        ours = device.phys.startswith('earthshine/') or device.uniq.lower().startswith('02:e5:')
        if ours and name in (None, device.name):
            found.append(device)
        else:
            device.close()
    return found


@contextlib.contextmanager
def without(path):
    os.rename(path, path + '.away')
    try:
        yield
    finally:
        os.rename(path + '.away', path)


def close(found):
    for device in found:
        device.close()
    return len(found)


class Pads(harness_vm.Case, harness_serve.ServeCase):
    def play(self, settings=()):
        """An app that looks at its gamepads, with a client that looks at it."""
        self.game = Game(self.place.file('game.log')) if os.path.exists(PADS_SDL) else None
        paint = harness.paint('--fullscreen', '--rate', '5')
        if self.game is not None:
            paint = ['sh', '-c', '"$1" "$2" & shift 2; exec "$@"', 'sh', PADS_SDL, self.game.path, *paint]
        app = (paint, list(settings))
        # Nothing is drawn that a GPU would be needed for.
        env = {'XDG_CACHE_HOME': harness_vm.CACHE, 'WLR_RENDERER': 'pixman'}
        self.host = self.serve({'paint': app}, env=env)
        self.device = self.host.device().paired()
        return harness_vm.play(self.device, app=1, mode='320x240x30')

    def eye(self, name):
        """The only device of that name, once it is there."""
        def look():
            found = devices(name)
            if len(found) == 1:
                return found[0]
            close(found)
            return None
        device = wait_until(look, f'one {name} is there')
        self.addCleanup(device.close)
        return Eye(device)

    def wait_gone(self):
        wait_until(lambda: close(devices()) == 0, 'no pad is left')

    def check_buttons(self, stream, pad, eye, buttons, name, more=()):
        """Each that the kernel shows, and each that SDL does, which has the hat as buttons."""
        known = {**SDL_BUTTONS, **dict(more)}
        if self.game:
            self.game.pad()
        for bit in {**buttons, **(known if self.game else {})}:
            with self.subTest(name, button=hex(bit)):
                stream.send(f'pad state {pad} {1 << pad} {bit} 0 0 0 0 0 0')
                eye.wait_pressed([buttons[bit]] if bit in buttons else [])
                if self.game:
                    self.game.wait_pressed([known[bit]] if bit in known else [])
        stream.send(f'pad state {pad} {1 << pad} {sum(buttons)} 0 0 0 0 0 0')
        eye.wait_pressed(buttons.values())
        stream.send(f'pad state {pad} {1 << pad} 0 0 0 0 0 0 0')
        eye.wait_pressed([])

    def check_hat(self, stream, pad, eye):
        for bits, x, y in ((UP, 0, -1), (DOWN, 0, 1), (LEFT, -1, 0), (RIGHT, 1, 0),
                           (UP | RIGHT, 1, -1), (DOWN | LEFT, -1, 1), (0, 0, 0)):
            stream.send(f'pad state {pad} {1 << pad} {bits} 0 0 0 0 0 0')
            eye.wait_abs(ABS_HAT0X=x, ABS_HAT0Y=y)

    def check_game(self, stream, kind, path, *sensors):
        """Of the kind that it is, with sticks, triggers and sensors; it rumbles."""
        if not self.game:
            return
        pad = self.game.pad()
        self.assertEqual(kind, pad['type'], pad)
        self.assertTrue(pad['path'].startswith(path), pad)
        self.assertEqual([bool(sensors)] * 2, [pad['accelerometer'], pad['gyroscope']])
        # To their ends: SDL learns how far the sticks of a Switch go.
        for state, at in (('200 0 -32768 32767 32767 -32768', (-32768, -32768, 32767, 32767)),
                          ('0 17 32767 -32768 -32768 32767', (32767, 32767, -32768, -32768))):
            stream.send(f'pad state 0 1 0 {state}')
            self.game.wait_axes(within=400, **dict(zip(SDL_STICKS, at)))
            left, right = map(int, state.split()[:2])
            # Those of a Switch are buttons.
            value = (lambda v: 32767 if v else 0) if kind == 'switchpro' else (lambda v: v * 32767 // 255)
            self.game.wait_axes(within=400, lefttrigger=value(left), righttrigger=value(right))
        for sensor, client, seen, within in sensors:
            stream.send(f'pad motion 0 {sensor} {client}')
            self.game.wait_sensor(sensor, *seen, within=within)
        stream.send('pad state 0 1 0 0 0 0 0 0 0')
        self.game.wait_axes(within=400, lefttrigger=0, righttrigger=0)
        # SDL says nothing new of a rumble that goes on.
        harness.wait_until(lambda: not rumbles(stream), 'it does not rumble')
        start = stream.mark
        stream.send('pad state 0 1 0 255 255 0 0 0 0')
        stream.wait_for('pad-rumble', lambda e: e['low'] > 0 and e['high'] > 0, start=start)
        stream.wait_for('pad-rumble', lambda e: e['low'] == 0 and e['high'] == 0, start=start)
        stream.send('pad state 0 1 0 0 0 0 0 0 0')

    def check_game_shines(self, stream):
        if not self.game:
            return
        # It did so when BACK was pressed.
        stream.wait_for('pad-led', lambda e: (e['red'], e['green'], e['blue']) == (200, 10, 20))
        # SDL takes the touchpad of a DualShock 4 for less high than it is.
        stream.send('pad touch 0 down 0 79 0.25 0.75 1')
        self.game.wait(lambda pad: any(
            abs(at['x'] - 0.25) < 0.01 and abs(at['y'] - 0.75) < 0.02 and at['down']
            for key, at in pad['at'].items() if isinstance(key, tuple)), 'a finger')
        stream.send('pad touch 0 up 0 79 0.25 0.75 0')

    def rumble(self, stream, pad, eye, strong=0x8000, weak=0x4000, within=0):
        """As an app does it, through the kernel to the client and off again."""
        start = stream.mark
        effect = ff.Effect(ecodes.FF_RUMBLE, -1, 0, ff.Trigger(0, 0), ff.Replay(400, 0),
                           ff.EffectType(ff_rumble_effect=ff.Rumble(strong, weak)))
        number = eye.device.upload_effect(effect)
        eye.device.write(ecodes.EV_FF, number, 1)
        heard = stream.wait_for('pad-rumble', lambda e: e['low'] > 0, start=start)
        self.assertEqual(pad, heard['pad'])
        self.assertLessEqual(abs(heard['low'] - strong), within, heard)
        self.assertLessEqual(abs(heard['high'] - weak), within, heard)
        stream.wait_for('pad-rumble', lambda e: e['low'] == 0 and e['high'] == 0, start=start)
        eye.device.erase_effect(number)

    def check_xbox(self, stream, name=XBOX_NAME, kind='xbox360', buttons=(), more=()):
        eye = self.eye(name)
        self.check_buttons(stream, 0, eye, {**COMMON_BUTTONS, **dict(buttons)}, name, more)
        self.check_hat(stream, 0, eye)
        stream.send('pad state 0 1 0 255 17 -32768 32767 256 -257')
        eye.wait_abs(ABS_Z=255, ABS_RZ=17, ABS_X=-32768, ABS_Y=-32768, ABS_RX=256, ABS_RY=256)
        self.rumble(stream, 0, eye)
        self.check_game(stream, kind, '/dev/input/event')

    def check_sony(self, stream, name, height, kind, extra=None, more=()):
        """The event devices that the kernel's driver makes of it, and what SDL's own makes."""
        eye = self.eye(name)
        touch, motion = self.eye(name + ' Touchpad'), self.eye(name + ' Motion Sensors')
        buttons = {**COMMON_BUTTONS, X: ecodes.BTN_WEST, Y: ecodes.BTN_NORTH}
        self.check_buttons(stream, 0, eye, buttons, name, [(TOUCHPAD, 'touchpad'), *more])
        self.check_hat(stream, 0, eye)
        stream.send('pad state 0 1 0 255 17 -32768 32767 256 -257')
        eye.wait_abs(ABS_Z=255, ABS_RZ=17, ABS_X=0, ABS_Y=0, ABS_RX=129, ABS_RY=129)
        self.assertEqual({ecodes.BTN_TL2, ecodes.BTN_TR2}, eye.pressed())
        self.rumble(stream, 0, eye, within=0x100)
        self.check_touch(stream, touch, height)
        self.check_motion(stream, motion)
        self.check_battery(stream, eye)
        self.check_lightbar(stream, eye)
        if extra is not None:
            extra(stream, eye)
        self.check_game(stream, kind, '/dev/hidraw',
                        (ACCELEROMETER, '9.80665 -4.903325 0', (9.80665, -4.903325, 0), 0.02),
                        (GYROSCOPE, '-90 0.5 720', (-1.5708, 0.0087, 12.5664), 0.01))
        self.check_game_shines(stream)

    def check_touch(self, stream, eye, height):
        stream.send(f'pad state 0 1 {TOUCHPAD} 0 0 0 0 0 0')
        eye.wait_pressed([ecodes.BTN_LEFT])
        stream.send('pad state 0 1 0 0 0 0 0 0 0')
        stream.send('pad touch 0 down 0 77 0.5 0.25 1')
        eye.wait_pressed([ecodes.BTN_TOUCH, ecodes.BTN_TOOL_FINGER])
        eye.wait_abs(ABS_MT_POSITION_X=959, ABS_MT_POSITION_Y=height // 4, within=1)
        stream.send('pad touch 0 down 0 78 1 1 1')
        eye.wait_pressed([ecodes.BTN_TOUCH, ecodes.BTN_TOOL_DOUBLETAP])
        eye.wait_abs(ABS_MT_POSITION_X=1919, ABS_MT_POSITION_Y=height - 1)
        stream.send('pad touch 0 up 0 77 0.5 0.25 0')
        stream.send('pad touch 0 up 0 78 0 0 0')
        eye.wait_pressed([])

    def check_motion(self, stream, eye):
        for kind in (1, 2):
            stream.wait_for('pad-motion', lambda e, kind=kind: e['type'] == kind and e['hz'] > 0)
        units = {code: info.resolution for code, info in eye.device.capabilities()[ecodes.EV_ABS]}
        per_g, per_degree = units[ecodes.ABS_X], units[ecodes.ABS_RX]
        stream.send('pad motion 0 1 9.80665 -4.903325 0')
        eye.wait_abs(ABS_X=per_g, ABS_Y=-per_g // 2, ABS_Z=0, within=per_g // 1000)
        stream.send('pad motion 0 2 -90 0.5 720')
        eye.wait_abs(ABS_RX=-90 * per_degree, ABS_RY=per_degree // 2, ABS_RZ=720 * per_degree,
                     within=per_degree // 16)
        # No numbers: dropped. Beyond what it can say: the most that it can.
        stream.send('pad motion 0 2 nan 0 0')
        stream.send('pad motion 0 2 0 inf 0')
        stream.send('pad motion 0 1 1e30 -1e30 0')
        eye.wait_abs(ABS_RX=-90 * per_degree, ABS_X=4 * per_g, ABS_Y=-4 * per_g, within=per_g // 100)
        self.assertIn((ecodes.EV_MSC, ecodes.MSC_TIMESTAMP), {event[:2] for event in eye.others})

    def sysfs(self, eye, *pattern):
        """Files of the HID device behind it."""
        event = os.path.basename(eye.device.path)
        return glob.glob(os.path.join(f'/sys/class/input/{event}/device/device', *pattern))

    def check_battery(self, stream, eye):
        stream.send('pad battery 0 2 42')
        supply, = self.sysfs(eye, 'power_supply', '*')
        wait_until(lambda: harness.read_file(supply + '/capacity').strip() == b'45', 'the battery')
        self.assertEqual(b'Discharging', harness.read_file(supply + '/status').strip())

    def check_lightbar(self, stream, eye):
        start = stream.mark
        values = {'multi_intensity': '10 20 200', 'brightness': '255'}
        files = {path: values[os.path.basename(path)] for name in values
                 for path in self.sysfs(eye, 'leds', '*:rgb:indicator', name)}
        for colour, value in (('red', '10'), ('green', '20'), ('blue', '200')):
            files.update((path, value) for path in self.sysfs(eye, 'leds', '*:' + colour, 'brightness'))
        self.assertTrue(files)
        for path, value in files.items():
            with open(path, 'w', encoding='ascii') as file:
                file.write(value)
        stream.wait_for('pad-led', lambda e: (e['red'], e['green'], e['blue']) == (10, 20, 200),
                        start=start)

    def check_triggers(self, stream, eye):
        """An app that knows the pad writes to its hidraw node."""
        node, = self.sysfs(eye, 'hidraw', '*')
        report = bytearray(48)
        report[0:3] = 2, 4 | 8, 0
        report[11:22] = 0x21, *range(1, 11)
        report[22:33] = 0x26, *range(11, 21)
        start = stream.mark
        with open('/dev/' + os.path.basename(node), 'wb', buffering=0) as file:
            file.write(report)
        heard = stream.wait_for('pad-effect', start=start)
        self.assertEqual((0, 12, 0x26, 0x21), (heard['pad'], heard['sides'], heard['left_type'],
                                               heard['right_type']))
        self.assertEqual(bytes([*range(11, 21), *range(1, 11)]).hex(), heard['parameters'])

    def remove(self, stream):
        stream.send('pad state 0 0 0 0 0 0 0 0 0')
        self.wait_gone()

    @contextlib.contextmanager
    def game_looks_away(self):
        def signal_games(number):
            for exe in glob.glob('/proc/[0-9]*/exe'):
                with contextlib.suppress(OSError):
                    if self.game and os.path.samefile(exe, PADS_SDL):
                        os.kill(int(exe.split('/')[2]), number)
        signal_games(signal.SIGSTOP)
        try:
            yield
        finally:
            signal_games(signal.SIGCONT)

    def check_switch(self, stream):
        """Its driver asks for everything before there is an event device. It takes the answers to others
        for its own then, as with a real one, so that calibration may go wrong if SDL asks meanwhile."""
        name = 'Pro Controller'
        with self.game_looks_away():
            stream.send(f'pad arrive 0 {NINTENDO} {SENSORS}')
            eye, motion = self.eye(name), self.eye(name + ' (IMU)')
        # By place, not by letter.
        buttons = {A: ecodes.BTN_SOUTH, B: ecodes.BTN_EAST, X: ecodes.BTN_WEST, Y: ecodes.BTN_NORTH,
                   LB: ecodes.BTN_TL, RB: ecodes.BTN_TR, BACK: ecodes.BTN_SELECT,
                   START: ecodes.BTN_START, GUIDE: ecodes.BTN_MODE, LS: ecodes.BTN_THUMBL,
                   RS: ecodes.BTN_THUMBR, MISC: ecodes.BTN_Z}
        self.check_buttons(stream, 0, eye, buttons, name, SDL_MISC.items())
        self.check_hat(stream, 0, eye)
        self.rumble(stream, 0, eye, within=0x400)
        stream.send('pad state 0 1 0 255 17 -32768 32767 16384 -16384')
        eye.wait_abs(ABS_X=-32767, ABS_Y=-32767, ABS_RX=16384, ABS_RY=16384, within=32)
        self.assertEqual({ecodes.BTN_TL2, ecodes.BTN_TR2}, eye.pressed())
        stream.send('pad motion 0 1 9.80665 0 -4.903325')
        motion.wait_abs(ABS_X=2048, ABS_Y=-4096, ABS_Z=0, within=4)
        # SDL's degrees are 0.3 % longer than the kernel's.
        self.check_game(stream, 'switchpro', '/dev/hidraw',
                        (ACCELEROMETER, '9.80665 0 -4.903325', (9.80665, 0, -4.903325), 0.02),
                        (GYROSCOPE, '-90 0.5 720', (-1.5708, 0.0087, 12.5664), 0.05))

    def check_strangers(self, stream):
        """A client that says only which pads there are; numbers of none; many that come and go."""
        stream.send('pad state 16 0xffff 0x1000 0 0 0 0 0 0')
        stream.send('pad motion 3 2 1 2 3')
        stream.send('pad state 15 0x8000 0x1000 0 0 0 0 0 0')
        eye = self.eye(XBOX_NAME)
        wait_until(lambda: ecodes.BTN_A in eye.device.active_keys(), 'A is pressed')
        self.assertEqual(1, close(devices()))

    def check_reconnect(self, stream):
        """The app keeps the device that it has open, with nothing held down."""
        eye = self.eye(XBOX_NAME)
        stream.quit()
        wait_until(lambda: eye.device.active_keys() == [], 'nothing is pressed')
        stream = harness_vm.play(self.device, mode='320x240x30')
        stream.send('pad state 15 0x8000 0x2000 0 0 0 0 0 0')
        eye.wait_pressed([ecodes.BTN_B])
        return stream

    def check_flapping(self, stream):
        """A thousand times, within what a viewer may cost the kernel."""
        display = self.host.room('display')
        files = len(os.listdir(f'/proc/{display.pid}/fd'))
        stream.send('pad flap 4 1000')
        # What comes faster than a display takes it may be forgotten, so they are said again, as by real clients.
        def nothing_is_left():
            stream.send('pad state 4 0x10 0 0 0 0 0 0 0')
            stream.send('pad state 4 0 0 0 0 0 0 0 0')
            return close(devices()) == 0
        wait_until(nothing_is_left, 'no pad is left')
        wait_until(lambda: len(os.listdir(f'/proc/{display.pid}/fd')) <= files, 'no file is left')

    def check_refused(self, stream):
        """Without the one device it is another pad, without both none, and the host says so."""
        with without('/dev/uhid'):
            stream.send(f'pad arrive 0 {PLAYSTATION} {SENSORS}')
            stream.send(f'pad state 0 1 {A} 0 0 0 0 0 0')
            self.eye(XBOX_NAME)
            self.assertRegex(self.host.messages(), 'gamepad 0 is no Sony.*: /dev/uhid: No such file')
            self.remove(stream)
            with without('/dev/uinput'):
                stream.send(f'pad arrive 0 {PLAYSTATION} {SENSORS}')
                stream.send(f'pad state 0 1 {A} 0 0 0 0 0 0')
                wait_until(lambda: 'gamepad 0 cannot be shown to the app: /dev/uinput: No such file' in
                           self.host.messages(), 'it is told')
        self.remove(stream)

    def check_others(self):
        """Not even the group that event devices are for otherwise."""
        nodes = [device.path for device in devices()]
        self.assertTrue(nodes)
        def properties(node):
            return harness_vm.output_of('udevadm', 'info', '--query=property', node).splitlines()
        for node in nodes:
            wait_until(lambda node=node: 'ID_SEAT=seat-earthshine' in properties(node),
                       f'udev has been at {node}')
            self.assertEqual(0o600, stat.S_IMODE(os.stat(node).st_mode))
            self.assertEqual((0, 0), (os.stat(node).st_uid, os.stat(node).st_gid))
            tried = subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--groups',
                                    str(grp.getgrnam('input').gr_gid), 'cat', node],
                                   capture_output=True, text=True, timeout=harness.WAIT)
            self.assertIn('Permission denied', tried.stderr)
            now = [line for line in properties(node) if line.startswith('CURRENT_TAGS=')]
            self.assertNotIn('uaccess', ' '.join(now))

    def check_killed(self):
        self.assertNotEqual(0, close(devices()))
        os.kill(self.host.room('display').pid, signal.SIGKILL)
        self.wait_gone()

    def test_kinds_by_what_the_client_has(self):
        install_rules()
        stream = self.play()
        stream.send(f'pad arrive 0 {XBOX} 0x3')
        self.check_xbox(stream)
        self.remove(stream)
        stream.send(f'pad arrive 0 {PLAYSTATION} {SENSORS}')
        self.check_sony(stream, DUALSENSE_NAME, 1080, 'ps5', self.check_triggers, SDL_MISC.items())
        self.remove(stream)
        self.check_switch(stream)
        self.remove(stream)
        self.check_strangers(stream)
        stream = self.check_reconnect(stream)
        self.remove(stream)
        self.check_refused(stream)
        self.check_flapping(stream)
        # Much may have been forgotten: a state follows each arrival, as of real clients.
        def arrives():
            stream.send(f'pad arrive 0 {PLAYSTATION} {SENSORS}')
            stream.send('pad state 0 1 0 0 0 0 0 0 0')
            return close(devices(DUALSENSE_NAME + ' Touchpad'))
        wait_until(arrives, 'another one can come')
        self.check_others()
        self.check_killed()

    def test_as_the_app_wants_it(self):
        stream = self.play(['gamepad dualshock4'])
        stream.send(f'pad arrive 0 {XBOX} {SENSORS}')
        self.check_sony(stream, DUALSHOCK_NAME, 942, 'ps4')

    def test_of_no_make(self):
        stream = self.play(['gamepad generic'])
        stream.send(f'pad arrive 0 {PLAYSTATION} {SENSORS}')
        self.check_xbox(stream, 'Earthshine Gamepad', 'standard', [(MISC, ecodes.KEY_RECORD), *zip(
            PADDLES, (BTN_GRIPR, BTN_GRIPL, BTN_GRIPR2, BTN_GRIPL2))],
                        [*SDL_MISC.items(), *SDL_PADDLES.items()])


if __name__ == '__main__':
    unittest.main(verbosity=2)
