"""What a viewer says into the app's microphone, and the text that both copy and paste. No client of today
does either: a tool plays the streamer for a real display."""

import array
import json
import os
import signal
import subprocess
import unittest

import harness
from test_sound import Desktop, write_tones

TALK = os.path.join(harness.BUILD, 'tests/tools/talk')
DISPLAY = os.path.join(harness.BUILD, 'earthshine-display')
MAX_TEXT = 65536


class Talk:
    def __init__(self, place, *command, env=None):
        self.place = place
        self.out = place.file('talk.jsonl')
        self.env = {**place.env, 'DBUS_SESSION_BUS_ADDRESS': 'disabled:'}
        with open(self.out, 'wb') as out:
            self.popen = subprocess.Popen([TALK, *command], stdin=subprocess.PIPE, stdout=out,
                                          env={**self.env, **(env or {})}, text=True)
        ready = harness.wait_until(lambda: self.find('display'), 'the app runs')[0]
        self.env.update({'WAYLAND_DISPLAY': ready['display'], 'DISPLAY': ready['x11']})

    def find(self, key):
        lines = harness.read_file(self.out).decode().split('\n')[:-1]
        return [event for event in map(json.loads, lines) if key in event]

    def tell(self, *words):
        self.popen.stdin.write(' '.join(map(str, words)) + '\n')
        self.popen.stdin.flush()

    def set(self, text):
        self.tell('set', text.encode().hex())

    def texts(self):
        return [bytes.fromhex(event['clipboard']) for event in self.find('clipboard')]

    def wait_text(self, text):
        """The viewer is told of it, last."""
        harness.wait_until(lambda: self.texts()[-1:] == [text.encode()], f'{text[:40]} is heard')

    def copy(self, data, *options):
        data = data.encode() if isinstance(data, str) else data
        with open(self.place.file('copied'), 'wb') as file:
            file.write(data)
        with open(self.place.file('copied'), 'rb') as file:
            subprocess.run(['wl-copy', *options], stdin=file, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, env=self.env, timeout=20, check=True)

    def paste(self):
        """None: there is nothing."""
        result = subprocess.run(['wl-paste', '-n'], env=self.env, capture_output=True, timeout=20)
        return result.stdout.decode() if result.returncode == 0 else None

    def wait_paste(self, text):
        harness.wait_until(lambda: self.paste() == text, f'{text and text[:40]} is pasted')

    def end(self):
        self.tell('end')
        self.popen.stdin.close()
        return self.popen.wait(timeout=60)


class Case(harness.Case):
    def talk(self, *command, **more):
        talk = Talk(self.place, *command, **more)
        self.addCleanup(lambda: talk.popen.poll() is None and talk.popen.kill())
        return talk


class Clipboard(Case):
    def setUp(self):
        super().setUp()
        harness.need('wl-copy', 'wl-paste')

    def clipboard(self, right='yes'):
        talk = self.talk(DISPLAY, 'sleep', '600')
        talk.tell('attach', right)
        return talk

    def test_both_ways(self):
        talk = self.clipboard()
        talk.copy('from the app: äöü €')
        talk.wait_text('from the app: äöü €')
        talk.set('from the viewer: ß')
        talk.wait_paste('from the viewer: ß')
        long = '0123456789abcde€' * ((MAX_TEXT - 16) // 18)
        talk.set(long)
        talk.wait_paste(long)
        talk.copy(long + '.')
        talk.wait_text(long + '.')
        self.assertEqual(len(talk.texts()), 2)  # its own the viewer is not told
        # What is too long or no text is not for the viewer; what comes then is.
        talk.copy('x' * (MAX_TEXT + 1))
        talk.copy(b'no \xff text')
        talk.copy(b'\x89PNG', '--type', 'image/png')
        talk.copy('again')
        talk.wait_text('again')
        self.assertEqual(len(talk.texts()), 3)
        self.assertEqual(talk.end(), 0)

    def test_rights(self):
        talk = self.clipboard('no')
        talk.copy('secret')
        talk.set('forbidden')
        talk.wait_paste('secret')
        talk.tell('attach', 'yes')  # all before has been seen
        talk.wait_text('secret')
        self.assertEqual(talk.texts(), [b'secret'])
        self.assertEqual(talk.paste(), 'secret')
        # What a viewer has set goes with it; what the app has copied stays.
        talk.set('of the first')
        talk.wait_paste('of the first')
        talk.tell('detach')
        talk.wait_paste(None)
        talk.copy('while nobody looks')
        talk.tell('attach', 'no')
        talk.set('forbidden')
        talk.tell('attach', 'yes')
        talk.wait_text('while nobody looks')
        self.assertEqual(len(talk.texts()), 2)
        self.assertEqual(talk.end(), 0)

    def test_bad_apps(self):
        talk = self.clipboard()
        talk.copy('first')
        talk.wait_text('first')
        # One that does not write what it has copied.
        display = self.place.process('earthshine-display')
        files = display.open_fds
        holder = self.place.process('wl-copy')
        talk.copy('stopped')
        stopped = [p for p in self.place.processes() if p.name == 'wl-copy' and p.pid != holder.pid]
        for process in stopped:
            process.signal(signal.SIGSTOP)
        talk.copy('second')
        talk.wait_text('second')
        for process in stopped:
            process.signal(signal.SIGKILL)
        # One that copies all the time: the viewer gets the last text, and not every one before.
        for i in range(40):
            talk.copy(f'text {i}')
        talk.wait_text('text 39')
        harness.wait_until(lambda: display.open_fds <= files + 2, 'nothing is held')
        talk.set('still there')
        talk.wait_paste('still there')
        self.assertEqual(talk.end(), 0)

    def test_x11(self):
        harness.need('xterm')
        talk = self.clipboard()
        talk.set('for X11')
        got = self.place.file('got')
        script = (  # asks the terminal for the clipboard, then sets it
            f'stty raw -echo; printf "\\033]52;c;?\\007"; dd bs=1 count=19 of={got} 2>/dev/null; '
            'printf "\\033]52;c;ZnJvbSBYMTE=\\007"; sleep 600')
        xterm = subprocess.Popen(
            ['xterm', '-xrm', '*allowWindowOps: true', '-xrm', '*disallowedWindowOps: 1', '-e', 'sh',
             '-c', script], env=talk.env, stderr=subprocess.DEVNULL)
        self.addCleanup(xterm.kill)
        talk.wait_text('from X11')
        self.assertIn(b'Zm9yIFgxMQ==', harness.read_file(got))  # 'for X11'
        xterm.kill()
        xterm.wait()
        self.assertEqual(talk.end(), 0)


class Microphone(Case):
    def setUp(self):
        super().setUp()
        harness.need('pipewire', 'wireplumber', 'pw-cat', 'parec')
        self.native, self.pulse = self.place.file('native.raw'), self.place.file('pulse.raw')
        self.app = ['sh', '-c', 'pw-cat --record --raw --format s16 --rate 48000 --channels 1 "$0" & '
                    'exec parec --raw --format=s16le --rate=48000 --channels=1 "$1"', self.native,
                    self.pulse]

    @staticmethod
    def samples(path):
        data = harness.read_file(path)
        return array.array('h', data[:len(data) // 2 * 2])

    def heard_hz(self, path):
        """Of a quarter of a second without a gap; None: there is none."""
        samples = self.samples(path)
        for start in range(0, len(samples) - 12000, 2400):
            part = samples[start:start + 12000]
            rising = [i for i in range(1, len(part)) if part[i - 1] < 0 <= part[i]]
            if max(part) > 4000 and len(rising) > 100:
                hz = (len(rising) - 1) * 48000 / (rising[-1] - rising[0])
                if abs(hz - 1000) < 1:
                    return hz
        return None

    def wait_recording(self, *paths):
        for path in paths:
            harness.wait_until(lambda: len(self.samples(path)) > 4800, f'{path} is recorded')

    def hear(self):
        talk = self.talk('-m', DISPLAY, *self.app)
        talk.tell('attach', 'no')
        paths = self.native, self.pulse
        self.wait_recording(*paths)
        for path in paths:
            self.assertFalse(any(self.samples(path)))  # nobody speaks
        talk.tell('tone', 1000)
        for path in paths:
            harness.wait_until(lambda: self.heard_hz(path), f'{path} hears 1000 Hz')
        talk.tell('detach')
        for path in paths:
            harness.wait_until(lambda: not any(self.samples(path)[-4800:]), 'silence again')
        return talk

    def test_tone(self):
        self.assertEqual(self.hear().end(), 0)

    def test_beside_a_desktop(self):
        """Where the user's own PipeWire has a microphone that is never silent."""
        harness.need('pipewire-pulse', 'pactl', 'paplay')
        desktop = Desktop(self.place)
        self.addCleanup(desktop.end)
        desktop.start('paplay', write_tones(self.place.file('tone.wav'), [440]))
        desktop.ask('set-default-source', 'desktop.monitor')
        harness.wait_until(lambda: any(desktop.recorded()), 'the desktop is not silent')
        talk = self.hear()
        self.assertEqual(desktop.ask('get-default-source').strip(), 'desktop.monitor')
        self.assertEqual(talk.end(), 0)
        # Without a microphone of its own the app hears itself, or nothing.
        os.remove(self.pulse)
        talk = self.talk('-s', DISPLAY, *self.app[:-1], self.pulse)
        self.wait_recording(self.pulse)
        self.assertFalse(any(self.samples(self.pulse)))
        self.assertFalse(any(self.samples(self.native)[-4800:]))
        self.assertEqual(talk.end(), 0)
        desktop.end()


if __name__ == '__main__':
    unittest.main(verbosity=2)
