"""Keyboards, mice, touch screens and tablets of a seat of this machine drive the app, and no others."""

import os
import shutil
import subprocess
import unittest

import evdev
from evdev import AbsInfo, ecodes

import harness
import harness_serve
import harness_vm
from harness import wait_until
from test_moonlight_input import Ear, LISTEN

SEAT = 'seat-sofa'
RULES = '/run/udev/rules.d/71-test-seat.rules'
SEATD = shutil.which('seatd', path='/usr/sbin:/usr/bin:/sbin:/bin')
AXIS = AbsInfo(0, 0, 1000, 0, 0, 10)


def make(name, capabilities, seat=SEAT, **more):
    device = evdev.UInput(capabilities, name=name, phys=f'test/{seat}', **more)
    harness_vm.output_of('udevadm', 'settle')
    return device


def put(device, *events):
    for kind, code, value in events:
        device.write(kind, code, value)
    device.syn()


class LocalDevices(harness_vm.Case, harness_serve.ServeCase):
    def setUp(self):
        super().setUp()
        os.makedirs(os.path.dirname(RULES), exist_ok=True)
        with open(RULES, 'w', encoding='ascii') as file:
            file.write(f'ATTRS{{phys}}=="test/{SEAT}", ENV{{ID_SEAT}}="{SEAT}"\n')
        harness_vm.output_of('udevadm', 'control', '--reload')

    def start_seatd(self):
        if SEATD is None:
            self.skipTest('seatd is missing')
        log = open(self.place.file('seatd.log'), 'wb')
        seatd = subprocess.Popen([SEATD], env={**os.environ, 'SEATD_VTBOUND': '0'}, stdout=log,
                                 stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        def end():
            seatd.terminate()
            seatd.wait(harness.WAIT)
        self.addCleanup(end)
        wait_until(lambda: os.path.exists('/run/seatd.sock'), 'seatd listens')
        return seatd

    def make(self, *args, **more):
        device = make(*args, **more)
        self.addCleanup(device.close)
        return device

    def play(self, **env):
        self.ear = Ear(self.place.file('listen.log'))
        # Nothing is drawn that a GPU would be needed for.
        env = {'XDG_CACHE_HOME': harness_vm.CACHE, 'WLR_RENDERER': 'pixman', **env}
        self.host = self.serve({'listen': ([LISTEN, self.ear.path], [f'local-devices {SEAT}'])}, env=env)
        stream = harness_vm.play(self.host.device().paired(), app=1, mode='320x240x30')
        self.ear.hear(event='focus', focused=True)
        return stream

    def wait_driven(self, name):
        wait_until(lambda: f"'{name}' of {SEAT} drives the app" in self.host.messages(),
                   f'{name} is there')

    def check_keyboard(self, stream, keyboard, strange):
        put(strange, (ecodes.EV_KEY, ecodes.KEY_B, 1))
        put(keyboard, (ecodes.EV_KEY, ecodes.KEY_A, 1))
        self.ear.hear(event='key', code=ecodes.KEY_A, pressed=True)
        # The client holds it, too: it is down until nobody holds it.
        stream.send('key 0x8041 down')
        stream.send('key 0x8053 down')
        self.ear.hear(event='key', code=ecodes.KEY_S, pressed=True)
        put(keyboard, (ecodes.EV_KEY, ecodes.KEY_A, 0), (ecodes.EV_KEY, ecodes.KEY_D, 1))
        self.ear.hear(event='key', code=ecodes.KEY_D, pressed=True)
        self.assertFalse(self.ear.heard(event='key', code=ecodes.KEY_A, pressed=False))
        stream.send('key 0x8041 up')
        self.ear.hear(event='key', code=ecodes.KEY_A, pressed=False)
        put(keyboard, (ecodes.EV_KEY, ecodes.KEY_CAPSLOCK, 1))
        put(keyboard, (ecodes.EV_KEY, ecodes.KEY_CAPSLOCK, 0))
        wait_until(lambda: ecodes.LED_CAPSL in keyboard.device.leds(), 'its light is on')

    def check_mouse(self, mouse, strange):
        put(mouse, (ecodes.EV_REL, ecodes.REL_X, 8), (ecodes.EV_REL, ecodes.REL_Y, -8))
        moved = self.ear.hear(event='relative')
        self.assertGreater(moved['dx'], 0)
        self.assertLess(moved['dy'], 0)
        put(strange, (ecodes.EV_KEY, ecodes.BTN_RIGHT, 1))
        put(mouse, (ecodes.EV_KEY, ecodes.BTN_LEFT, 1))
        self.ear.hear(event='button', code=ecodes.BTN_LEFT, pressed=True)
        put(mouse, (ecodes.EV_REL, ecodes.REL_WHEEL, -1))
        self.ear.hear(event='wheel', axis=0, value120=120)

    def check_touch(self, screen):
        put(screen, (ecodes.EV_ABS, ecodes.ABS_MT_SLOT, 0),
            (ecodes.EV_ABS, ecodes.ABS_MT_TRACKING_ID, 5), (ecodes.EV_KEY, ecodes.BTN_TOUCH, 1),
            (ecodes.EV_ABS, ecodes.ABS_MT_POSITION_X, 250), (ecodes.EV_ABS, ecodes.ABS_MT_POSITION_Y, 500))
        down = self.ear.hear(event='touch', phase='down')
        self.assertAlmostEqual(80, down['x'], delta=1)
        self.assertAlmostEqual(120, down['y'], delta=1)
        put(screen, (ecodes.EV_ABS, ecodes.ABS_MT_TRACKING_ID, -1), (ecodes.EV_KEY, ecodes.BTN_TOUCH, 0))
        self.ear.hear(event='touch', phase='up', id=down['id'])

    def check_tablet(self, tablet):
        put(tablet, (ecodes.EV_KEY, ecodes.BTN_TOOL_PEN, 1), (ecodes.EV_ABS, ecodes.ABS_X, 500),
            (ecodes.EV_ABS, ecodes.ABS_Y, 500))
        self.ear.hear(event='pen', what='near', tool='pen')
        put(tablet, (ecodes.EV_KEY, ecodes.BTN_TOUCH, 1), (ecodes.EV_ABS, ecodes.ABS_PRESSURE, 900),
            (ecodes.EV_ABS, ecodes.ABS_X, 250))
        self.ear.hear(event='pen', what='down')
        put(tablet, (ecodes.EV_KEY, ecodes.BTN_TOUCH, 0), (ecodes.EV_ABS, ecodes.ABS_PRESSURE, 0))
        self.ear.hear(event='pen', what='up')

    def test_of_a_seat(self):
        self.start_seatd()
        keys = {ecodes.EV_KEY: [*range(1, 84)], ecodes.EV_LED: [ecodes.LED_CAPSL]}
        rels = {ecodes.EV_KEY: [ecodes.BTN_LEFT, ecodes.BTN_RIGHT],
                ecodes.EV_REL: [ecodes.REL_X, ecodes.REL_Y, ecodes.REL_WHEEL]}
        keyboard, mouse = self.make('sofa keys', keys), self.make('sofa mouse', rels)
        strange_keys = self.make('desk keys', keys, seat='seat0')
        strange_mouse = self.make('desk mouse', rels, seat='seat0')
        stream = self.play()
        self.wait_driven('sofa keys')
        self.wait_driven('sofa mouse')
        self.check_keyboard(stream, keyboard, strange_keys)
        self.check_mouse(mouse, strange_mouse)
        # Plugged in now.
        finger = [(ecodes.ABS_MT_SLOT, AbsInfo(0, 0, 9, 0, 0, 0)), (ecodes.ABS_X, AXIS), (ecodes.ABS_Y, AXIS),
                  (ecodes.ABS_MT_TRACKING_ID, AbsInfo(0, 0, 65535, 0, 0, 0)),
                  (ecodes.ABS_MT_POSITION_X, AXIS), (ecodes.ABS_MT_POSITION_Y, AXIS)]
        screen = self.make('sofa screen', {ecodes.EV_KEY: [ecodes.BTN_TOUCH], ecodes.EV_ABS: finger},
                           input_props=[ecodes.INPUT_PROP_DIRECT])
        self.wait_driven('sofa screen')
        self.check_touch(screen)
        pen = [(ecodes.ABS_X, AXIS), (ecodes.ABS_Y, AXIS), (ecodes.ABS_PRESSURE, AbsInfo(0, 0, 1000, 0, 0, 0))]
        tablet = self.make('sofa tablet', {ecodes.EV_ABS: pen, ecodes.EV_KEY: [
            ecodes.BTN_TOOL_PEN, ecodes.BTN_TOUCH, ecodes.BTN_STYLUS]})
        self.wait_driven('sofa tablet')
        self.check_tablet(tablet)
        # Pulled out with something held down.
        mouse.close()
        self.ear.hear(event='button', code=ecodes.BTN_LEFT, pressed=False)
        keyboard.close()
        self.ear.hear(event='key', code=ecodes.KEY_D, pressed=False)
        self.assertFalse(self.ear.heard(event='key', code=ecodes.KEY_B))
        self.assertFalse(self.ear.heard(event='button', code=ecodes.BTN_RIGHT))
        stream.quit()

    def test_without_a_seat_manager(self):
        """It says so; the client's keys arrive all the same."""
        stream = self.play(LIBSEAT_BACKEND='seatd')
        self.assertIn(f'the devices of {SEAT} are not the app\'s: no seat manager', self.host.messages())
        stream.send('key 0x8041 down')
        self.ear.hear(event='key', code=ecodes.KEY_A, pressed=True)


if __name__ == '__main__':
    unittest.main(verbosity=2)
