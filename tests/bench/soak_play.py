#!/usr/bin/env python3
"""Plays for half an hour with sound and two gamepads, and comes back every twenty seconds, half of the times after
the client was killed with keys and buttons held down. At the end memory, files and threads are as before,
picture and sound no further apart, nothing is held in the app, and the pads are those of the beginning."""

import argparse
import glob
import json
import os
import sys
import time

import av
import measure
import serve
from measure import harness, say


try:
    import evdev
except ImportError:
    evdev = None

KEYS, BUTTONS = (0x41, 0x57), (1, 3)  # A and W; left and right
PADS = (0, 1)
PAD_A = 0x1000
WATCHED = ('pipewire', 'wireplumber', 'flash_click', 'moon')
WARM = 5  # connections until caches are filled
GROWTH_KIB = 2048
MAX_DRIFT_MS = 20


def held_in(log):
    """Keys and buttons that the app believes to be down, and how many were pressed at all."""
    held, pressed = set(), 0
    for line in harness.read_file(log).decode().splitlines():
        event = json.loads(line) if line.endswith('}') else {}
        if event.get('event') in ('key', 'button') and 'pressed' in event:
            key = (event['event'], event['code'])
            (held.add if event['pressed'] else held.discard)(key)
            pressed += event['pressed']
    return held, pressed


class Pads:
    """The virtual gamepads of this machine's only session, as their apps read them."""

    def __init__(self):
        self.devices = {}

    @staticmethod
    def problem():
        if evdev is None:
            return 'python3-evdev is missing'
        return None if os.path.exists('/dev/uinput') else 'no /dev/uinput on this machine'

    def look(self):
        paths = set(glob.glob('/dev/input/event*'))
        for path in paths - set(self.devices):
            try:
                device = evdev.InputDevice(path)
            except OSError:
                continue
            if device.phys.startswith('earthshine/') or device.uniq.lower().startswith('02:e5:'):
                self.devices[path] = device
        for path in set(self.devices) - paths:
            self.devices.pop(path).close()
        return sorted(self.devices)

    def held(self):
        self.look()
        return sum(len(device.active_keys()) for device in self.devices.values())


def press(play):
    for key in KEYS:
        play.send(f'key {key} down')
    for button in BUTTONS:
        play.send(f'button {button} down')
    for pad in PADS:
        play.send(f'pad arrive {pad} 1 0x02')
        play.send(f'pad state {pad} 3 {PAD_A} 255 0 32767 0 0 0')


def leave(host, play, kill):
    if kill:
        play.kill()
    else:
        play.quit()
    host.wait_session('detached')
    harness.wait_until(lambda: host.rooms() == ['earthshine-display'], 'the rooms of the client are gone')


def load(bench):
    """By name; rooms of a connection are other processes each time."""
    return {p.name: {'own_kib': p.own_kib, 'fds': p.open_fds, 'threads': p.status('Threads')}
            for p in bench.place.processes() if p.name in WATCHED or p.name.startswith('earthshine')}


def connect(bench, host, tv, log, first, args, pads, result):
    """One connection; what it found."""
    play = tv.play('--clicks', app=1 if first else None, mode=args.mode).wait_playing()
    begun = time.monotonic()
    if first:
        harness.wait_until(lambda: b'"focused":true' in harness.read_file(log), 'the app has the keyboard')
    before = held_in(log)[1]
    press(play)
    harness.wait_until(lambda: held_in(log)[1] >= before + len(KEYS) + len(BUTTONS), 'all is pressed')
    if pads is not None:
        harness.wait_until(lambda: len(pads.look()) == len(PADS) and pads.held() == len(PADS), 'both pads are pressed')
    while time.monotonic() - begun < args.every - 2 and not play.ended:
        time.sleep(0.5)
    now = load(bench)
    if play.ended:
        raise harness.Failed(f'the client ended: {play.events[-1]}')
    flashes, clicks = av.seen_and_heard(play)
    leave(host, play, kill=result['connections'] % 2 == 1)
    harness.wait_until(lambda: not held_in(log)[0] and (pads is None or pads.held() == 0),
                       'nothing is held by a client that has gone')
    pairs = av.pair(flashes, clicks)[0] if args.sound else []
    for second, offset in pairs:
        if abs(offset) > MAX_DRIFT_MS:
            say(f'  {offset:.0f} ms at {second - begun:.1f} s of connection {result["connections"]}')
    return now, [offset for _, offset in pairs]


def most(a, b):
    """Of two loads, what each process took at most."""
    return {name: max((x[name] for x in (a, b) if name in x), key=lambda x: x['own_kib']) for name in a | b}


def growth(start, end):
    grown = {}
    for name in sorted(set(start) | set(end)):
        a, b = start.get(name), end.get(name)
        flat = a and b and (a['fds'], a['threads']) == (b['fds'], b['threads']) and \
            b['own_kib'] <= a['own_kib'] + GROWTH_KIB
        say(f'  {name}: {a} -> {b}{"" if flat else ": NOT FLAT"}')
        if not flat:
            grown[name] = [a, b]
    return grown


def soak(bench, args):
    log = bench.place.file('log')
    host, tv = bench.ready({'flash': [av.FLASH_CLICK, log]}, sound=args.sound)
    result = {'connections': 0, 'pads': Pads.problem() or 'survived'}
    pads = Pads() if Pads.problem() is None else None
    start, now, names = {}, None, None
    medians, offsets, begun, said = [], [], time.monotonic(), time.monotonic()
    while time.monotonic() - begun < args.seconds:
        now, found = connect(bench, host, tv, log, result['connections'] == 0, args, pads, result)
        result['connections'] += 1
        if found:
            offsets += found
            medians.append(measure.median(found))
        if result['connections'] <= WARM:
            start, names = most(start, now), pads and pads.look()
        if pads is not None and names is not None and pads.look() != names:
            result['pads'] = f'{names} became {pads.look()}'
        if time.monotonic() - said > 60:
            said = time.monotonic()
            say(f'  {result["connections"]} connections, offsets {[round(m, 1) for m in medians[-5:]]} ms; KiB: ' +
                ', '.join(f'{name} {load["own_kib"]}' for name, load in sorted(now.items())))
    if result['connections'] <= WARM:
        raise harness.Failed(f'only {result["connections"]} connections; more --seconds')
    result['grown'] = growth(start, now)
    result['pressed'] = held_in(log)[1]
    if medians:
        last = max(1, len(medians) // 5)
        result.update({'offset_p50_ms': round(measure.median(offsets), 2),
                       'offset_p99_ms': round(harness.percentile([abs(o) for o in offsets], 99), 2),
                       'drift_ms': round(measure.median(medians[-last:]) - measure.median(medians[:last]), 2)})
    tv.cancel()
    result['good'] = not result['grown'] and abs(result.get('drift_ms', 0)) <= MAX_DRIFT_MS and \
        (pads is None or result['pads'] == 'survived')
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=int, default=1800)
    parser.add_argument('--every', type=int, default=20, help='seconds of a connection')
    parser.add_argument('--mode', default=av.MODE + 'x60', metavar='WIDTHxHEIGHTxRATE')
    parser.add_argument('--no-sound', dest='sound', action='store_false')
    args = parser.parse_args()
    if args.sound:
        harness.need('pipewire', 'wireplumber')
    if 'VM_ARTEFACTS' in os.environ:  # there are pads there, and little speed: --mode 320x180x15
        sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'vm'))
        import harness_vm
        harness_vm.warm_up()
        os.environ['WLR_RENDERER'] = 'pixman'
    with serve.Bench() as bench:
        result = soak(bench, args)
    measure.finish(result)


if __name__ == '__main__':
    main()
