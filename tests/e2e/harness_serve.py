"""Runs `earthshine serve` and our own GameStream client (tests/clients/moon) against each other.

Beside what harness.py takes from the environment: MOON, LISTEN, IMPAIR.
"""

import glob
import json
import os
import select
import signal
import subprocess
import threading
import time
import unittest

import harness
from harness import BUILD, EARTHSHINE, WAIT, Case, Failed, read_file, wait_until

MOON = os.environ.get('MOON') or os.path.join(BUILD, 'tests/clients/moon')
LISTEN = os.environ.get('LISTEN') or os.path.join(BUILD, 'tests/clients/listen')
IMPAIR = os.environ.get('IMPAIR') or os.path.join(BUILD, 'tests/clients/impair')
PIN = '4711'
MODE = '640x360x60'


# The encoders are measured once for all tests, not by each host beside what it is tested for.
CACHE = os.path.join(BUILD, 'tests', 'e2e', 'cache')


class Events:
    """A program that prints one JSON object per line, and obeys lines on its standard input."""

    def __init__(self, place, command, env=None):
        self.command = command
        self.events = []
        self.changed = threading.Condition()
        self.ended = False
        self.stderr_path = place.file(f'stderr-{time.monotonic_ns()}')
        with open(self.stderr_path, 'wb') as stderr:
            self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          stderr=stderr, env={**place.env, **(env or {})})
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.popen.stdout:
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def all(self, name, start=0):
        with self.changed:
            return [event for event in self.events[start:] if event['event'] == name]

    @property
    def mark(self):
        """A place in the events: those that come from now on."""
        with self.changed:
            return len(self.events)

    def wait_for(self, name, matches=lambda event: True, start=0, timeout=None, count=1):
        """The first event of that name that matches, or the count-th."""
        end = time.monotonic() + (timeout or WAIT)
        with self.changed:
            while True:
                found = [e for e in self.events[start:] if e['event'] == name and matches(e)]
                if len(found) >= count:
                    return found[count - 1]
                left = end - time.monotonic()
                if left <= 0 or self.ended:
                    last = [e for e in self.events if e['event'] != 'frame'][-8:] + self.events[-2:]
                    raise Failed(f'{"ended" if self.ended else "still"} without {count} of "{name}"; '
                                 f'last: {last}\n{self.messages()}')
                self.changed.wait(left)

    def send(self, line):
        """Sends a command and waits until it has been obeyed."""
        start = self.mark
        self.popen.stdin.write((line + '\n').encode())
        self.popen.stdin.flush()
        self.wait_for('done', start=start)

    def messages(self):
        return read_file(self.stderr_path).decode(errors='replace')

    def wait(self, timeout=None):
        timeout = timeout or WAIT
        try:
            status = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f'still runs after {timeout} s: {" ".join(self.command)}') from None
        self.thread.join(timeout)
        self.close()
        return status

    def close(self):
        self.popen.stdin.close()
        self.popen.stdout.close()

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        self.thread.join()
        self.close()


class Stream(Events):
    """One `moon play`."""

    def frames(self, start=0):
        return self.all('frame', start)

    def numbers(self, start=0):
        return [frame['number'] for frame in self.frames(start) if frame['number'] is not None]

    def wait_playing(self):
        self.wait_for('frame')
        return self

    def wait_frames(self, count, start=0):
        return self.wait_for('frame', start=start, count=count)

    def wait_end(self, timeout=None):
        end = self.wait_for('end', timeout=timeout)
        self.wait()
        end['complaints'] = self.all('violation') + self.all('decode-error') + self.all('lost')
        return end

    def quit(self):
        if self.popen.poll() is None:
            self.popen.stdin.write(b'quit\n')
            self.popen.stdin.flush()
        return self.wait_end()


class Network(Events):
    """A bad network between clients and the host's media ports, see tests/clients/impair.c."""

    def __init__(self, place, *options):
        super().__init__(place, [IMPAIR, *options, '0:0', '0:0', '0:0'])
        self.ports = self.wait_for('ready')['ports']

    def lead(self, stream):
        """To the host's ports, once the stream's negotiation has told them."""
        ports = stream.wait_for('ports')
        for index, name in enumerate(('video', 'audio', 'control')):
            self.send(f'target {index} {ports[name]}')
        return stream


class Device:
    """A Moonlight device: a folder with its key and certificate."""

    def __init__(self, host, name):
        self.host = host
        self.name = name
        self.folder = host.place.file('device-' + name)

    def command(self, *args):
        host = self.host
        return [MOON, args[0], '--host', '127.0.0.1', '--http', str(host.http),
                '--https', str(host.https), '--identity', self.folder, *map(str, args[1:])]

    def start(self, *args, kind=Events):
        program = kind(self.host.place, self.command(*args))
        self.host.case.programs.append(program)
        return program

    def ask(self, *args, timeout=60):
        """Runs it to its end; its last event."""
        program = self.start(*args)
        program.status = program.wait(timeout)
        if not program.events:
            raise Failed(f'no answer: {program.command}\n{program.messages()}')
        return program.events[-1]

    def pair(self, pin=PIN, entered=None, order='12345'):
        """Shows `pin`, while the operator enters `entered`. The client's outcome and the operator's
        exit status."""
        program = self.start('pair', '--pin', pin, '--name', self.name, '--order', order)
        self.host.wait_request()
        operator = self.host.cli('pair', entered or pin)
        program.wait()
        return program.events[-1], operator

    def paired(self):
        outcome, operator = self.pair()
        if not outcome['ok'] or operator.returncode != 0:
            raise Failed(f'not paired: {outcome}; {operator.stdout}{operator.stderr}\n'
                         + self.host.messages())
        return self

    def serverinfo(self, *options):
        return self.ask('serverinfo', *options)

    def tag(self, tag, *options):
        body = self.serverinfo(*options)['body']
        if f'<{tag}>' not in body:
            raise Failed(f'no {tag} in {body}')
        return body.split(f'<{tag}>')[1].split(f'</{tag}>')[0]

    def play(self, *args, app=None, mode=MODE):
        """Launches the app, or resumes."""
        what = ['--app', app] if app is not None else ['--resume']
        return self.start('play', *what, '--mode', mode, *args, kind=Stream)

    def play_over(self, network, *args, **more):
        return network.lead(self.play('--map', ','.join(map(str, network.ports)), *args, **more))

    def cancel(self):
        answer = self.ask('cancel')
        if answer['status'] != 200 or '<cancel>1</cancel>' not in answer['body']:
            raise Failed(f'not cancelled: {answer}\n{self.host.messages()}')


def quote(word):
    return '"' + str(word).replace('\\', '\\\\').replace('"', '\\"') + '"'


class Host:
    """One `earthshine serve` with apps of its own: {title: command} or {title: (command, more lines)}."""

    def __init__(self, case, apps, settings=(), options=(), env=None, sound=False):
        self.case = case
        self.place = case.place
        self.config = self.place.file('config')
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write(self.config_text(apps, [*settings, *([] if sound else ['sound no'])]))
        self.stderr_path = self.place.file('host.log')
        self.env = {**self.place.env, 'XDG_CONFIG_HOME': self.place.file('config-home'),
                    'XDG_STATE_HOME': self.place.file('state'), 'XDG_CACHE_HOME': CACHE,
                    **(env or {})}
        self.options = [str(option) for option in options]
        self.start()

    @staticmethod
    def config_text(apps, settings):
        lines = ['name "test host"', 'listen 127.0.0.1', 'port 0', 'announce no', 'inhibit-sleep no',
                 *settings]
        for title, app in apps.items():
            command, more = app if isinstance(app, tuple) else (app, ())
            lines += [f'app {quote(title)} {{', '\tcommand ' + ' '.join(map(quote, command)),
                      *('\t' + line for line in more), '}']
        return '\n'.join(lines) + '\n'

    def start(self):
        read_fd, write_fd = os.pipe()
        self.command = [EARTHSHINE, 'serve', '--config', self.config, '--ready-fd', str(write_fd),
                        '--verbose', *self.options]
        with open(self.stderr_path, 'ab') as stderr:
            self.popen = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
                env=self.env, pass_fds=[write_fd], start_new_session=True)
        os.close(write_fd)
        readable, _, _ = select.select([read_fd], [], [], WAIT)
        text = os.read(read_fd, 4096).decode() if readable else ''
        os.close(read_fd)
        if not text:
            raise Failed('the host is not ready\n' + self.messages())
        ports = dict(item.split('=') for item in text.split())
        self.http, self.https, self.rtsp = (int(ports[name]) for name in ('HTTP', 'HTTPS', 'RTSP'))
        self.console = int(ports.get('CONSOLE', 0))  # 0: there is none
        self.metrics = int(ports.get('METRICS', 0))
        wait_until(lambda: glob.glob(CACHE + '/earthshine/*') and not self.probes(),
                   'the encoders have been measured', 120)

    def messages(self):
        return read_file(self.stderr_path).decode(errors='replace')

    def cli(self, *args, timeout=60):
        return subprocess.run([EARTHSHINE, *map(str, args)], capture_output=True, text=True,
                              env=self.env, timeout=timeout, stdin=subprocess.DEVNULL)

    def cli_start(self, *args):
        return subprocess.Popen([EARTHSHINE, *map(str, args)], env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def cli_json(self, *args):
        result = self.cli(*args, '--json')
        if result.returncode != 0:
            raise Failed(f'{args}: {result.returncode}: {result.stderr}')
        return json.loads(result.stdout)

    def wait_request(self):
        return wait_until(lambda: self.requests(), 'a pairing request waits')

    def requests(self):
        return [r for r in self.cli_json('pair')['pairings'] if r['waits_for_pin']]

    def sessions(self):
        return self.cli_json('sessions')['sessions']

    def clients(self):
        return self.cli_json('clients')['clients']

    def wait_session(self, state):
        """The only session, once it is in that state."""
        def look():
            sessions = self.sessions()
            return sessions[0] if len(sessions) == 1 and sessions[0]['state'] == state else None
        return wait_until(look, f'the session is {state}')

    def wait_no_session(self):
        wait_until(lambda: not self.sessions() and not self.rooms(), 'no session is left')

    def probes(self):
        return [p for p in self.place.processes() if '--probe' in p.command]

    def rooms(self):
        """Names of the rooms that run."""
        names = ['earthshine-' + room for room in harness.ROOMS]
        return sorted(p.name for p in self.place.processes() if p.name in names)

    def room(self, name):
        return wait_until(lambda: self.place.process('earthshine-' + name), f'{name} runs')

    def device(self, name='tv'):
        return Device(self, name)

    def stop(self, number=signal.SIGTERM, timeout=None):
        timeout = timeout or WAIT
        self.popen.send_signal(number)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f'the host still runs after {timeout} s\n{self.messages()}') from None


class ServeCase(Case):
    """A test with hosts, which end with it, and nothing may be left of them."""

    def setUp(self):
        super().setUp()
        self.hosts = []
        self.programs = []

    def serve(self, apps=None, **more):
        host = Host(self, apps if apps is not None else {'paint': self.paint()}, **more)
        self.hosts.append(host)
        return host

    def network(self, *options):
        network = Network(self.place, *options)
        self.programs.append(network)
        return network

    def paint(self, *options):
        return harness.paint('--fullscreen', '--rate', 'callback', *options)

    def tearDown(self):
        problem = None
        for program in self.programs:
            program.kill()
        for host in self.hosts:
            try:
                if host.popen.poll() is None and not self.failed:
                    self.assertEqual(host.stop(), 0, host.messages())
            except Exception as error:  # told after the others have been stopped
                problem = error
            if self.failed or problem:
                print(f'--- {" ".join(host.command)}\n{host.messages()[-20000:]}')
            if host.popen.poll() is None:
                host.popen.kill()
                host.popen.wait()
        try:
            os.rmdir(os.path.join(self.place.runtime, 'earthshine'))  # stays, but empty
        except OSError:
            pass  # the place will tell what is in it
        super().tearDown()
        if problem:
            raise problem

    def check_stream(self, end, frames=1):
        """Nothing broke the rules of the protocol, and every picture that came was right."""
        self.assertGreaterEqual(end['decoded'], frames, end)
        for name in ('violations', 'decode_errors', 'wrong_marks', 'forged', 'control_bad', 'strangers'):
            self.assertEqual(end[name], 0, (name, end))

    def check_numbers(self, numbers, least=1):
        """The app's pictures in their order, none twice out of turn."""
        self.assertGreaterEqual(len(numbers), least)
        self.assertEqual(numbers, sorted(numbers))


def main():
    unittest.main(verbosity=2)
