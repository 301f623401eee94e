"""Runs `earthshine` as a user would, reads its files back and proves that nothing is left behind.

Paths of what was built come in the environment: EARTHSHINE, PAINT, READMARKS; without it, by the
place of the `earthshine` in PATH. A run that is slower
by its nature (sanitizers) says EARTHSHINE_TEST_SANITIZED=1; then rates are not judged.
"""

import ctypes
import functools
import glob
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

EARTHSHINE = os.environ.get('EARTHSHINE') or shutil.which('earthshine') or 'earthshine'
BUILD = os.path.dirname(EARTHSHINE)
PAINT = os.environ.get('PAINT') or os.path.join(BUILD, 'tests/clients/paint')
READMARKS = os.environ.get('READMARKS') or os.path.join(BUILD, 'tests/tools/readmarks')
SANITIZED = os.environ.get('EARTHSHINE_TEST_SANITIZED', '0') not in ('', '0')

MARKER = 'TEST_MARK'  # not EARTHSHINE_...: the app does not inherit those
ROOMS = ('display', 'encode', 'stream')
# For what comes when the machine gets to it, as long as it goes on: no test judges how fast that is by this.
WAIT = int(os.environ.get('EARTHSHINE_TEST_WAIT_S') or (180 if SANITIZED else 60))


class Failed(AssertionError):
    pass


class Slow(Failed):
    """A rate or a delay was not kept: our fault, or that of a machine that has other things to do."""


def patiently(test):
    """Tries again when it was too slow, twice. What is wrong at any speed fails at once."""
    @functools.wraps(test)
    def tries(self, *args, **more):
        for left in (2, 1, 0):
            try:
                return test(self, *args, **more)
            except Slow as slow:
                if left == 0:
                    raise
                print(f'[too slow: {slow}; load {os.getloadavg()[0]:.1f}; once more]')
    return tries


def small_disk(folder, size):
    """Mounts a file system of so many bytes; skips the test where that is not allowed."""
    os.mkdir(folder)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b'none', folder.encode(), b'tmpfs', 0, f'size={size}'.encode()) != 0:
        raise unittest.SkipTest('cannot mount a small file system: ' + os.strerror(ctypes.get_errno()))
    return lambda: libc.umount2(folder.encode(), 2)  # MNT_DETACH


def need(*programs):
    """Skips the test if one of the programs is not installed."""
    missing = [p for p in programs if shutil.which(p) is None]
    if missing:
        raise unittest.SkipTest('not installed: ' + ', '.join(missing))


def wait_until(condition, what, timeout=WAIT):
    """Returns the first true value of condition()."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f'still not after {timeout} s: {what}')
        time.sleep(0.02)


def read_file(path):
    try:
        with open(path, 'rb') as file:
            return file.read()
    except OSError:
        return b''


class Process:
    """One process by its pid, as /proc shows it."""

    def __init__(self, pid):
        self.pid = pid
        self.command = read_file(f'/proc/{pid}/cmdline').replace(b'\0', b' ').decode(errors='replace')
        argv0 = read_file(f'/proc/{pid}/cmdline').split(b'\0')[0].decode(errors='replace')
        self.name = os.path.basename(argv0)

    def __repr__(self):
        return f'{self.pid} ({self.command.strip()})'

    def stat(self):
        text = read_file(f'/proc/{self.pid}/stat').decode(errors='replace')
        return text.rpartition(')')[2].split()

    @property
    def alive(self):
        fields = self.stat()
        return bool(fields) and fields[0] not in 'ZX'

    @property
    def parent(self):
        fields = self.stat()
        return int(fields[1]) if fields else 0

    @property
    def cpu_s(self):
        fields = self.stat()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK') if fields else 0.0

    @property
    def cpu_ns(self):
        """All threads, finer than the clock ticks of stat."""
        total = 0
        for path in glob.glob(f'/proc/{self.pid}/task/*/schedstat'):
            fields = read_file(path).split()
            total += int(fields[0]) if fields else 0
        return total

    def status(self, key):
        for line in read_file(f'/proc/{self.pid}/status').decode().splitlines():
            if line.startswith(key + ':'):
                return int(line.split()[1])
        return 0

    @property
    def rss_kib(self):
        return self.status('VmRSS')

    @property
    def own_kib(self):
        """Memory without the pages of programs and libraries, which come as they are first needed."""
        return self.status('RssAnon') + self.status('RssShmem')

    @property
    def wakeups(self):
        """Voluntary context switches of all threads: each is a sleep that ended."""
        total = 0
        for path in glob.glob(f'/proc/{self.pid}/task/*/status'):
            for line in read_file(path).decode().splitlines():
                if line.startswith('voluntary_ctxt_switches:'):
                    total += int(line.split()[1])
        return total

    @property
    def open_fds(self):
        try:
            return len(os.listdir(f'/proc/{self.pid}/fd'))
        except OSError:
            return 0

    def signal(self, number):
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass


class Place:
    """A folder, a runtime directory and a mark in the environment by which every process that
    was started from here is found again, wherever it went."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix='es-')
        self.runtime = os.path.join(self.path, 'run')
        os.mkdir(self.runtime, 0o700)
        self.mark = uuid.uuid4().hex
        self.env = dict(os.environ)
        for name in ('WAYLAND_DISPLAY', 'DISPLAY', 'EARTHSHINE_LOG', 'XDG_CACHE_HOME', 'XDG_CONFIG_HOME',
                     'XDG_STATE_HOME'):
            self.env.pop(name, None)
        self.env.update({
            'XDG_RUNTIME_DIR': self.runtime,
            'HOME': self.path,
            MARKER: self.mark,
        })
        self.x11_before = self.x11_files()
        for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS'):
            # A room's own exit status may be seen by nobody.
            if SANITIZED and 'log_path' not in self.env.get(name, ''):
                self.env[name] = f'{self.env.get(name, "")}:log_path={self.file("sanitizer")}'

    def findings(self):
        """What sanitizers have written."""
        return ''.join(read_file(path).decode(errors='replace')
                       for path in glob.glob(self.file('sanitizer.*')))

    @staticmethod
    def x11_files():
        return set(glob.glob('/tmp/.X11-unix/X*') + glob.glob('/tmp/.X*-lock'))

    def file(self, name):
        return os.path.join(self.path, name)

    def processes(self):
        wanted = f'{MARKER}={self.mark}'.encode()
        found = []
        for name in os.listdir('/proc'):
            if not name.isdigit():
                continue
            environ = read_file(f'/proc/{name}/environ')
            if wanted in environ.split(b'\0') or not environ and self.is_hidden_child(int(name)):
                process = Process(int(name))
                if process.alive:
                    found.append(process)
        return found

    @staticmethod
    def is_hidden_child(pid):
        """One of ours that lets nobody but root look into it, the environment included."""
        process = Process(pid)
        if not process.name.startswith('earthshine'):
            return False
        while process.pid > 1 and process.pid != os.getpid():
            process = Process(process.parent)
        return process.pid == os.getpid()

    def process(self, name):
        """The one process of that name, e.g. 'earthshine-encode', or None."""
        for process in self.processes():
            if process.name == name:
                return process
        return None

    def leftovers(self):
        left = [repr(p) for p in self.processes()]
        for folder, folders, files in os.walk(self.runtime):
            left += [os.path.join(folder, name) for name in files]
            left += [os.path.join(folder, name) for name in folders if name.startswith('earthshine')]
        for path in self.x11_files() - self.x11_before:
            if path.endswith('-lock'):
                owner = read_file(path).strip()
                if owner.isdigit() and not os.path.exists(f'/proc/{int(owner)}'):
                    left.append(path)
        return left

    def assert_clean(self, timeout=WAIT):
        """Nothing that was started here lives on, and no socket or runtime file is left."""
        end = time.monotonic() + timeout
        while True:
            left = self.leftovers()
            if not left:
                return
            if time.monotonic() > end:
                raise Failed('left behind: ' + '; '.join(left))
            time.sleep(0.02)

    def finish(self):
        for process in self.processes():
            process.signal(signal.SIGKILL)
        shutil.rmtree(self.path, ignore_errors=True)


class Run:
    """One `earthshine run`."""

    def __init__(self, place, app, *options, output='out.mkv', env=None, stdout=None, prefix=(),
                 sound=False):
        self.place = place
        self.output = place.file(output) if output not in (None, '-') else output
        self.stats_path = place.file(f'stats-{uuid.uuid4().hex[:8]}.json')
        self.stderr_path = place.file(f'stderr-{uuid.uuid4().hex[:8]}')
        read_fd, write_fd = os.pipe()
        self.ready_fd = read_fd
        self.ready_text = None
        command = [*prefix, EARTHSHINE, 'run', '--stats', self.stats_path, '--ready-fd', str(write_fd)]
        if self.output is not None:
            command += ['-o', self.output]
        if not sound:  # most tests have no use for two more programs
            command += ['--no-sound']
        command += [str(option) for option in options]
        if app is not None:
            command += ['--', *app]
        self.command = command
        self.started = time.monotonic()
        with open(self.stderr_path, 'wb') as stderr:
            self.popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stdout or subprocess.DEVNULL, stderr=stderr,
                env={**place.env, **(env or {})}, pass_fds=[write_fd], start_new_session=True)
        os.close(write_fd)

    def wait_ready(self, timeout=None):
        """What came through --ready-fd: the names of the displays."""
        timeout = timeout or WAIT
        if self.ready_text is None:
            readable, _, _ = select.select([self.ready_fd], [], [], timeout)
            if not readable:
                raise Failed(f'not ready after {timeout} s\n{self.messages()}')
            self.ready_text = os.read(self.ready_fd, 4096).decode()
            if not self.ready_text:
                raise Failed(f'ended before it was ready\n{self.messages()}')
        return self.ready_text

    def wait(self, timeout=None):
        """The exit status; -N if a signal killed it."""
        timeout = timeout or WAIT
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            left = '; '.join(repr(p) for p in self.place.processes())
            raise Failed(f'still runs after {timeout} s: {left}\n{self.messages()}') from None
        finally:
            if self.popen.returncode is not None and self.ready_fd >= 0:
                os.close(self.ready_fd)
                self.ready_fd = -1

    def stop(self, number=signal.SIGINT, timeout=None):
        self.popen.send_signal(number)
        return self.wait(timeout)

    def messages(self):
        return read_file(self.stderr_path).decode(errors='replace')

    def stats(self):
        with open(self.stats_path, encoding='utf-8') as file:
            return json.load(file)

    def room(self, name):
        """The process of a room."""
        return wait_until(lambda: self.place.process('earthshine-' + name), f'{name} runs',
                          WAIT)

    def size(self):
        return os.path.getsize(self.output) if os.path.exists(self.output) else 0

    def wait_size(self, size, timeout=WAIT):
        wait_until(lambda: self.size() >= size or self.popen.poll() is not None,
                   f'{self.output} has {size} bytes', timeout)


def paint(*options, log=None):
    """The command of a paint client."""
    command = [PAINT, *[str(option) for option in options]]
    return command + (['--log', log] if log else [])


def read_log(path):
    """What a paint client noted: one dict per commit, in the order of their results."""
    commits = []
    for line in read_file(path).decode().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the last line of a client that was killed
        if 'number' in entry:
            commits.append(entry)
    return commits


def wait_commits(path, count, timeout=WAIT):
    return wait_until(lambda: len(read_log(path)) >= count, f'{count} commits shown', timeout)


def read_marks(path, *options):
    """One dict per decoded picture, see tests/tools/readmarks.c."""
    result = subprocess.run([READMARKS, *options, path], capture_output=True, text=True, timeout=300)
    if result.returncode != 0 or result.stderr:
        raise Failed(f'readmarks {path}: status {result.returncode}: {result.stderr}')
    return [json.loads(line) for line in result.stdout.splitlines()]


def numbers(marks):
    return [mark['number'] for mark in marks if mark.get('crc_ok')]


def probe(path, size=None):
    """Decodes all of it; returns ffprobe's view of the video stream. Nothing may be complained of."""
    need('ffprobe')
    result = subprocess.run(
        ['ffprobe', '-v', 'warning', '-count_frames', '-show_streams', '-show_format', '-of', 'json', path],
        capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    if result.returncode != 0 or result.stderr.strip():
        raise Failed(f'ffprobe {path}: status {result.returncode}: {result.stderr}')
    streams = json.loads(result.stdout)['streams']
    if len(streams) != 1 or streams[0]['codec_type'] != 'video':
        raise Failed(f'{path}: streams {streams}')
    if size is not None and (streams[0]['width'], streams[0]['height']) != size:
        raise Failed(f'{path}: {streams[0]["width"]}x{streams[0]["height"]}, not {size}')
    return streams[0]


class Picture:
    """RGB pixels of a PPM file."""

    def __init__(self, path):
        data = read_file(path)
        magic, size, depth, rest = data.split(b'\n', 3)
        if magic != b'P6' or depth != b'255':
            raise Failed(f'{path} is not a PPM file')
        self.width, self.height = (int(n) for n in size.split())
        self.px = rest

    def pixel(self, x, y):
        at = (y * self.width + x) * 3
        return tuple(self.px[at:at + 3])

    def near(self, colour, tolerance=12):
        """The share of pixels (a sample of them) that have this colour."""
        step = max(1, self.width * self.height // 20000) | 1
        count = hits = 0
        for at in range(0, len(self.px) - 2, 3 * step):
            count += 1
            hits += all(abs(self.px[at + i] - colour[i]) <= tolerance for i in range(3))
        return hits / count

    def mean_difference(self, other):
        if (self.width, self.height) != (other.width, other.height):
            raise Failed(f'{self.width}x{self.height} against {other.width}x{other.height}')
        step = 7
        pairs = zip(self.px[::step], other.px[::step])
        differences = [abs(a - b) for a, b in pairs]
        return sum(differences) / len(differences)


def last_picture(place, path):
    count = len(read_marks(path, '--at', '0,0'))
    return nth_picture(place, path, count - 1)


def nth_picture(place, path, index):
    target = place.file(f'picture-{uuid.uuid4().hex[:8]}.ppm')
    read_marks(path, '--at', '0,0', '--dump', f'{index}:{target}')
    return Picture(target)


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class Case(unittest.TestCase):
    """A test with a place of its own, which must be clean again at its end."""

    def setUp(self):
        self.place = Place()
        self.runs = []

    def run(self, result=None):
        self.result = result
        self.failed_before = len(result.failures) + len(result.errors) if result else 0
        return super().run(result)

    @property
    def failed(self):
        return self.result is not None and \
            len(self.result.failures) + len(self.result.errors) > self.failed_before

    def tearDown(self):
        findings = self.place.findings()
        if findings:
            print(findings, file=sys.stderr)
        try:
            self.assertEqual(findings, '')
            if self.failed:
                for run in self.runs:
                    print(f'--- {" ".join(run.command)}\n{run.messages()}', file=sys.stderr)
            else:
                self.place.assert_clean()
        finally:
            for run in self.runs:
                if run.popen.poll() is None:
                    run.popen.kill()
                    run.popen.wait()
            self.place.finish()

    def judge(self, fast_enough, what):
        """For what a busy machine can spoil; not judged where everything is slow by nature."""
        if not fast_enough and not SANITIZED:
            raise Slow(what)

    def run_app(self, app, *options, **more):
        run = Run(self.place, app, *options, **more)
        self.runs.append(run)
        return run

    def record(self, app, *options, expect=0, timeout=None, **more):
        """Runs to the end."""
        run = self.run_app(app, *options, **more)
        status = run.wait(timeout)
        self.assertEqual(status, expect, run.messages())
        return run


def main():
    unittest.main(verbosity=2)
