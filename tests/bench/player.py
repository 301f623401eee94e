#!/usr/bin/env python3
"""The player in a real browser: from the app's commit to the animation frame after the picture was drawn, by the
page's clock and its offset to the host's; and how old the newest picture is where the line is slow."""

import argparse
import json
import socket
import threading
import time

import measure
from measure import say

import browser  # in tests/e2e, found through measure
import console

WIDTH, HEIGHT = 1280, 720
SLOW_KBIT = 3000
SETTLE_S = 5
GATHER = """
(() => {
    const player = globalThis.earthshinePlayer;
    globalThis.ages = [];
    const add = player.drawnMs.add.bind(player.drawnMs);
    player.drawnMs.add = (value) => {
        globalThis.ages.push(value);
        add(value);
    };
})()
"""


class Bench(measure.Place, console.ConsoleCase):
    """A host and a browser, outside of a test."""


class Line:
    """A proxy whose way to the browser is no faster than that, and holds no more than a router might."""

    def __init__(self, target):
        self.target = target
        self.kbit = None  # for now as fast as it goes
        self.free_at = 0.0
        self.lock = threading.Lock()
        self.listener = socket.create_server((browser.ADDRESS, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.socket()
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
            far.connect((browser.ADDRESS, self.target))
            for sock in (near, far):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.carry, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self.carry, args=(far, near, True), daemon=True).start()

    def carry(self, source, sink, slow):
        try:
            while True:
                data = source.recv(1400 if slow else 65536)
                if not data:
                    break
                if slow and self.kbit:
                    self.wait(len(data))
                sink.sendall(data)
        except OSError:
            pass
        for sock in (source, sink):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def wait(self, size):
        with self.lock:
            now = time.monotonic()
            self.free_at = max(self.free_at, now) + size * 8 / (self.kbit * 1000)
            late = self.free_at - now
        time.sleep(late)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def play(paint, seconds, kbit=None):
    with Bench() as bench:
        bench.console({'paint': bench.paint(*paint)})
        line = None
        if kbit:
            port = int(bench.url.rstrip('/').rsplit(':', 1)[1])
            line = Line(port)
            bench.url = bench.url.replace(str(port), str(line.port))
        page = bench.open_browser(width=WIDTH, height=HEIGHT)
        bench.first_login()
        bench.visit('apps')
        page.click('[data-app] button.primary')
        page.wait('.stage[data-state=playing]', timeout=60000)
        if line:
            line.kbit = kbit
        time.sleep(SETTLE_S)
        page.js(GATHER)
        before = measure.cpu_ns(bench.place)
        time.sleep(seconds)
        after = measure.cpu_ns(bench.place)
        ages = page.js('globalThis.ages')
        stats = json.loads(page.js('JSON.stringify(globalThis.earthshinePlayer.stats)'))
        cpu = sum(after[pid] - before.get(pid, 0) for pid in after) / 1e6 / seconds
        return {'pictures': len(ages), 'fps': round(len(ages) / seconds, 1),
                **{f'p{share}_ms': round(percentile(ages, share / 100), 1) for share in (50, 95, 99)},
                'max_ms': round(max(ages), 1), 'decode_p50_ms': measure.rounded(stats['decodeP50'], 1),
                'encode_p50_ms': measure.rounded(stats['encodeP50'], 1),
                'bitrate_kbps': stats['bitrateKbps'], 'skipped': stats['skipped'], 'cpu_ms_per_s': round(cpu)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=int, default=20)
    args = parser.parse_args()
    browser.enter_network()
    result = {}
    for name, paint, kbit in (
            ('720p60', ('--damage', 'full'), None),
            (f'720p60 at {SLOW_KBIT} kbit/s', ('--damage', 'full', '--content', 'noise'), SLOW_KBIT)):
        result[name] = play(paint, args.seconds, kbit)
        say(f'  {name}: {result[name]}')
    measure.finish(result)


if __name__ == '__main__':
    main()
