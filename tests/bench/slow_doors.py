#!/usr/bin/env python3
"""What a thousand connections that never get on (slowhttptest) do to a running stream: its p99 beside the
same without them, in pairs. At the console's door, and with --door http at GameStream's."""

import argparse
import statistics
import subprocess
import threading
import time

import measure
import serve
from measure import harness, say

CONNECTIONS = 1000
RATE = 400  # new ones a second
LIMIT_MS = 2
KINDS = {'headers': ['-H'], 'body': ['-B'], 'read': ['-X', '-n', '5', '-w', '10', '-y', '20']}


class Slow:
    """slowhttptest at the door, again and again: it ends when all its connections were hung up on. With the
    least priority: it stands for other machines."""

    def __init__(self, bench, kind, url):
        self.command = ['nice', '-n', '19', 'slowhttptest', *KINDS[kind], '-c', str(CONNECTIONS), '-r',
                        str(RATE), '-i', '2', '-x', '24', '-p', '5', '-l', '600', '-u', url]
        self.out = open(bench.place.file('slow.log'), 'ab')
        self.rounds = 0
        self.stopped = threading.Event()
        self.begin()
        self.thread = threading.Thread(target=self.repeat)
        self.thread.start()

    def begin(self):
        self.rounds += 1
        self.popen = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.out,
                                      stderr=subprocess.STDOUT)

    def repeat(self):
        while not self.stopped.is_set():
            if self.popen.poll() is not None:
                self.begin()
            self.stopped.wait(0.2)

    def stop(self):
        self.stopped.set()
        self.thread.join()
        self.popen.kill()
        self.popen.wait()
        self.out.close()


def reached(port):
    """How many connections the host has at that port now."""
    with open('/proc/net/tcp', encoding='ascii') as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return sum(row[1].endswith(f':{port:04X}') and row[3] == '01' for row in rows)


def watch(port, seconds):
    """The most connections that there were at once."""
    most, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        most = max(most, reached(port))
        time.sleep(0.25)
    return most


def measure_one(play, port, args, attack):
    first = play.mark
    most = watch(port, args.seconds)
    latency, gap = serve.spans(play, first)
    frames = len(play.frames(first))
    what = f'slow, {attack.rounds} rounds of {CONNECTIONS}' if attack else 'control'
    say(f'  {what}: host p99 {latency:.2f} ms, between pictures p99 {gap:.2f} ms, '
        f'{frames} pictures, at most {most} connections')
    return {'latency': latency, 'gap': gap, 'connections': most}


def pair(bench, host, play, args, number):
    """Control and slow in turn, the other way round every second time."""
    port = host.http if args.door == 'http' else host.console
    url = f'{"http" if args.door == "http" else "https"}://127.0.0.1:{port}/'
    result = {}
    for slow in ((False, True), (True, False))[number % 2]:
        attack = Slow(bench, args.kind, url) if slow else None
        try:
            if attack:
                harness.wait_until(lambda: reached(port) > 8, 'they come', 30)
                time.sleep(2)
            result[slow] = measure_one(play, port, args, attack)
        finally:
            if attack:
                attack.stop()
        harness.wait_until(lambda: reached(port) == 0, 'they are gone', 60)
    return result


def run(args):
    pairs = []
    with serve.Bench() as bench:
        host, tv = bench.ready()
        play = tv.play('--bitrate', 10000, app=1, mode=args.mode)
        play.wait_frames(120)
        for number in range(args.repeats):
            say(f'pair {number + 1} of {args.repeats}')
            pairs.append(pair(bench, host, play, args, number))
        end = play.quit()
    return pairs, end


def judge(pairs, end, args):
    """By how much each pair is over what is allowed; the median counts."""
    result = {'door': args.door, 'kind': args.kind, 'lost': end['lost'], 'violations': end['violations'],
              'connections': [one[True]['connections'] for one in pairs], 'passed': True}
    for name in ('latency', 'gap'):
        control, slow = ([one[key][name] for one in pairs] for key in (False, True))
        over = [b - (1.1 * a + LIMIT_MS) for a, b in zip(control, slow)]
        result[name] = {
            'control_p99_ms': [round(value, 2) for value in control],
            'slow_p99_ms': [round(value, 2) for value in slow],
            'median_control_ms': round(statistics.median(control), 2),
            'median_slow_ms': round(statistics.median(slow), 2),
            'over_limit_ms': round(statistics.median(over), 2),
            'spread_ms': round(max(over) - min(over), 2),
        }
        result['passed'] = result['passed'] and statistics.median(over) <= 0
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=20, help='of each half of a pair')
    parser.add_argument('--mode', default='640x360x60')
    parser.add_argument('--door', choices=['console', 'http'], default='console')
    parser.add_argument('--kind', choices=list(KINDS), default='headers',
                        help='what is slow: sending the header, sending the body, reading the answer')
    args = parser.parse_args()
    harness.need('slowhttptest')
    pairs, end = run(args)
    measure.finish(judge(pairs, end, args))


if __name__ == '__main__':
    main()
