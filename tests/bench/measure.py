"""What the benchmarks share: CPU time of process groups, and runs beside the peer."""

import json
import os
import select
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
import harness  # noqa: E402  (found through the path above)

CLIENT = 'paint'
WIDTH, HEIGHT, REFRESH = 1920, 1080, 60


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def cpu_ns(place):
    """CPU time so far of all processes of the place but the app; by process id."""
    return {p.pid: p.cpu_ns for p in place.processes() if p.name not in (CLIENT, 'sh')}


def cpu_ms_per_s(place, seconds):
    """Over so many seconds from now."""
    before, started = cpu_ns(place), time.monotonic()
    time.sleep(seconds)
    after, took = cpu_ns(place), time.monotonic() - started
    spent = sum(after[pid] - before.get(pid, 0) for pid in after)
    return spent / 1e6 / took


def median(values):
    return statistics.median(values) if values else None


def rounded(value, digits=3):
    return None if value is None else round(value, digits)


def finish(result):
    """The last line: one JSON object."""
    print(json.dumps(result))


class Place:
    """Of a test case: a place with hosts and clients, outside of a test."""

    result = None

    def runTest(self):
        pass

    def __enter__(self):
        self.setUp()
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            for host in self.hosts:
                say(host.messages()[-4000:])
        self.tearDown()
        self.doCleanups()


class Pipe:
    """A named pipe for raw H.264 that notes when what came out of it."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path = path
        self.data = b''
        self.arrivals = []  # (bytes until then, CLOCK_MONOTONIC ns)
        # Non-blocking: nobody writes yet.
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.thread = threading.Thread(target=self.read)
        self.stopped = threading.Event()
        self.thread.start()

    def read(self):
        while not self.stopped.is_set():
            readable, _, _ = select.select([self.fd], [], [], 0.5)
            try:
                piece = os.read(self.fd, 1 << 20) if readable else b''
            except BlockingIOError:
                continue
            if piece:
                self.data += piece
                self.arrivals.append((len(self.data), time.clock_gettime_ns(time.CLOCK_MONOTONIC)))
            elif readable:
                time.sleep(0.001)  # no writer yet, or no more

    def finish(self):
        self.stopped.set()
        self.thread.join()
        os.close(self.fd)

    def first_number_ns(self):
        """When all bytes of the first picture with a number were there, and that number."""
        raw = self.path + '.copy.h264'
        with open(raw, 'wb') as file:
            file.write(self.data)
        index, number = next((i, mark['number']) for i, mark in enumerate(harness.read_marks(raw))
                             if mark['crc_ok'])
        sizes = subprocess.run(['ffprobe', '-v', 'error', '-show_entries', 'packet=size', '-of', 'csv=p=0', raw],
                               check=True, capture_output=True, text=True).stdout.split()
        end = sum(int(size.strip(',')) for size in sizes[:index + 1])
        return next(ns for count, ns in self.arrivals if count >= end), number


class Ours:
    """`earthshine run` with a paint client."""

    name = 'ours'

    def __init__(self, bitrate, *client, pipe=False):
        self.place = harness.Place()
        self.pipe = Pipe(self.place.file('pipe.h264')) if pipe else None
        self.log = self.place.file('log')
        self.started_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        self.run = harness.Run(self.place, harness.paint(*client, log=self.log), '-s',
                               f'{WIDTH}x{HEIGHT}@{REFRESH}', '-c', 'h264', '-b', bitrate,
                               output='pipe.h264' if pipe else 'out.mkv')

    def stop(self):
        status = self.run.stop()
        if status != 130:
            raise harness.Failed(self.run.messages())
        return self.run.output

    def finish(self):
        if self.pipe is not None:
            self.pipe.finish()
        self.place.finish()


class Theirs:
    """sway without a screen and wf-recorder, with the same client."""

    name = 'theirs'

    def __init__(self, bitrate, *client, pipe=False):
        harness.need('sway', 'wf-recorder')
        self.place = harness.Place()
        self.pipe = Pipe(self.place.file('pipe.h264')) if pipe else None
        self.log = self.place.file('log')
        self.output = self.place.file('out.mkv')
        config = self.place.file('sway.conf')
        with open(config, 'w', encoding='utf-8') as file:
            file.write('xwayland disable\ndefault_border none\n'
                       f'output HEADLESS-1 mode {WIDTH}x{HEIGHT}@{REFRESH}Hz bg #000000 solid_color\n'
                       'for_window [app_id="earthshine-paint"] fullscreen enable\n')
        env = {**self.place.env, 'WLR_BACKENDS': 'headless', 'WLR_RENDERER': 'pixman',
               'WLR_LIBINPUT_NO_DEVICES': '1'}
        self.errors = open(self.place.file('errors'), 'wb')
        self.started_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        self.processes = [self.start(['sway', '-c', config], env)]
        socket = harness.wait_until(self.find_socket, 'sway listens')
        env['WAYLAND_DISPLAY'] = os.path.basename(socket)
        target = ['-m', 'h264', '-y', '-f', self.pipe.path] if pipe else ['-f', self.output]
        self.processes.append(self.start(
            ['wf-recorder', '-c', 'libx264', '-p', 'preset=ultrafast', '-p', f'b={bitrate}', *target], env))
        self.processes.append(self.start(harness.paint(*client, log=self.log), env))

    def start(self, command, env):
        return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=self.errors,
                                stderr=self.errors)

    def find_socket(self):
        names = [n for n in os.listdir(self.place.runtime) if n.startswith('wayland-')]
        return next((n for n in names if not n.endswith('.lock')), None)

    def stop(self):
        sway, recorder, client = self.processes
        recorder.send_signal(2)
        # On a still screen it waits for one more picture before it ends.
        client.terminate()
        recorder.wait(20)
        client.wait(20)
        sway.terminate()
        sway.wait(20)
        return self.output

    def finish(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        if self.pipe is not None:
            self.pipe.finish()
        self.errors.close()
        self.place.finish()

