"""What the app plays arrives at the client: from real sound clients, through a real PipeWire."""

import array
import glob
import math
import os
import shutil
import signal
import subprocess
import time
import wave

import harness
import harness_serve
from harness import need
from harness_serve import ServeCase

HZ = 440
AMPLITUDE = 8000
TONE_SDL = os.environ.get('TONE_SDL')
NEED = ('pipewire', 'wireplumber', 'pw-cat', 'paplay')


def tones(channels):
    """One for each channel, a hundred apart."""
    return [HZ + 100 * i for i in range(channels)]


def write_tones(path, hz, seconds=30):
    """One second of whole periods, repeated."""
    second = array.array('h')
    for i in range(48000):
        second.extend(round(AMPLITUDE * math.sin(2 * math.pi * f * i / 48000)) for f in hz)
    with wave.open(path, 'wb') as file:
        file.setparams((len(hz), 2, 48000, 0, 'NONE', ''))
        file.writeframes(second.tobytes() * seconds)
    return path


class Desktop:
    """The user's own sound servers, with a default sink that is recorded."""

    def __init__(self, place):
        self.place = place
        self.env = {**place.env, 'DBUS_SESSION_BUS_ADDRESS': 'disabled:', 'PIPEWIRE_DEBUG': '0',
                    'WIREPLUMBER_DEBUG': '0'}
        self.programs = []
        self.record = place.file('desktop.raw')
        self.start('pipewire')
        harness.wait_until(lambda: os.path.exists(os.path.join(place.runtime, 'pipewire-0')),
                           'PipeWire runs')
        self.start('wireplumber', '-p', 'policy')  # without the machine's hardware
        self.start('pipewire-pulse')
        harness.wait_until(lambda: self.ask('info'), 'PulseAudio clients are served')
        self.ask('load-module', 'module-null-sink', 'sink_name=desktop')
        self.ask('set-default-sink', 'desktop')
        harness.wait_until(lambda: self.ask('get-default-sink').strip() == 'desktop', 'a desktop')
        self.start('parec', '--device=desktop.monitor', '--raw', self.record)
        self.wait_recorded(1)

    def start(self, *command):
        self.programs.append(subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL,
                                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def ask(self, *command):
        return subprocess.run(['pactl', *command], env=self.env, capture_output=True, text=True,
                              timeout=harness.WAIT).stdout

    def recorded(self):
        return harness.read_file(self.record)

    def wait_recorded(self, more):
        size = len(self.recorded())
        harness.wait_until(lambda: len(self.recorded()) >= size + more * 48000, 'it is recorded')

    def end(self):
        while self.programs:
            program = self.programs.pop()
            program.kill()
            program.wait()
        shutil.rmtree(os.path.join(self.place.runtime, 'pulse'), ignore_errors=True)
        for path in glob.glob(os.path.join(self.place.runtime, 'pipewire-0*')):
            os.remove(path)


class Sound(ServeCase):
    def setUp(self):
        super().setUp()
        need(*NEED)
        self.tone = self.place.file('tone.wav')

    def play_tone(self, command, sound='2,5,1', *options, **more):
        host = self.serve({'tone': command}, sound=True, **more)
        device = host.device().paired()
        return host, device, device.play('--sound', sound, *options, app=1)

    def wait_tones(self, stream, hz, start=0):
        """These frequencies on the channels; None: nothing."""
        def matches(event):
            return all(level < 0.003 if f is None else abs(heard - f) <= 1 and level > 0.02
                       for f, heard, level in zip(hz, event['hz'], event['level'], strict=True))
        return stream.wait_for('sound', matches, start)

    def check_sound(self, end):
        self.assertEqual(end['audio_bad'], 0, end)
        self.assertEqual(end['audio_missing'], 0, end)
        self.assertGreater(end['audio_packets'], 20, end)

    def hear(self, command, hz=(HZ, HZ), sound='2,5,1', *options, **more):
        host, device, stream = self.play_tone(command, sound, *options, **more)
        self.wait_tones(stream, hz)
        end = stream.quit()
        self.check_sound(end)
        self.check_stream(end, 1)
        self.assertEqual(end['audio_missing'], 0)
        device.cancel()
        return host

    def test_pw_cat(self):
        self.hear(['pw-cat', '-p', write_tones(self.tone, [HZ, HZ])])

    def test_paplay(self):
        self.hear(['paplay', write_tones(self.tone, [HZ, HZ])], (HZ, HZ), '2,10,0')

    def test_sdl(self):
        if not TONE_SDL:
            self.skipTest('not built: SDL is missing')
        drivers = ('pipewire', 'pulseaudio', 'alsa')
        host = self.serve({driver: ([TONE_SDL, str(HZ)], [f'env "SDL_AUDIODRIVER={driver}"'])
                           for driver in drivers}, sound=True)
        device = host.device().paired()
        for number, driver in enumerate(drivers):
            with self.subTest(driver):
                stream = device.play(app=number + 1)
                self.wait_tones(stream, (HZ, HZ))
                self.check_sound(stream.quit())
                device.cancel()
                host.wait_no_session()

    def test_encrypted(self):
        self.hear(['pw-cat', '-p', write_tones(self.tone, [HZ, HZ])], (HZ, HZ), '2,5,1', '--encrypt',
                  'all')

    def test_loss(self):
        """One datagram in twenty is lost, and nearly all of them come back out of the parity."""
        app = ['pw-cat', '-p', write_tones(self.tone, [HZ, HZ])]
        _, device, stream = self.play_tone(app, '2,5,1', '--impair', 'loss=0.05', '--no-decode')
        stream.wait_for('sound', lambda event: event['audio_packets'] > 1000)
        end = stream.quit()
        self.assertGreater(end['audio_recovered'], 20, end)
        self.assertLess(end['audio_missing'], 0.005 * end['audio_packets'], end)
        device.cancel()

    def test_pipewire_restarts(self):
        write_tones(self.tone, [HZ, HZ])
        app = ['sh', '-c', '"$@" & while :; do pw-cat -p "$0" || sleep 0.02; done', self.tone,
               *self.paint()]
        host, device, stream = self.play_tone(app)
        self.wait_tones(stream, (HZ, HZ))
        self.kill_and_hear(host, stream, 'wireplumber')
        # What a busy machine adds it does not add every time.
        for _ in range(4):
            seconds, dropped = self.kill_and_hear(host, stream, 'pipewire')
            if dropped == 0 and (seconds <= 2 or harness.SANITIZED):
                break
        else:
            self.fail(f'{seconds:.1f} s without sound, {dropped} pictures dropped')
        end = stream.quit()
        self.check_sound(end)
        self.check_stream(end, 20)
        device.cancel()

    def kill_and_hear(self, host, stream, name):
        """Seconds until the tone is back, and pictures that were dropped meanwhile."""
        def dropped():
            return host.sessions()[0]['stats']['frames_dropped']
        before, frames = dropped(), len(stream.frames())
        server = self.place.process(name)
        killed_ns = time.monotonic_ns()
        server.signal(signal.SIGKILL)
        harness.wait_until(lambda: not server.alive, f'{name} is gone')
        harness.wait_until(lambda: self.place.process(name), f'{name} is there again')
        heard = self.wait_tones(stream, (HZ, HZ), stream.mark)
        self.assertGreater(len(stream.frames()), frames)
        return (heard['at_ns'] - killed_ns) / 1e9, dropped() - before

    def test_beside_a_desktop(self):
        """The user's own PipeWire runs: our sink is there, and neither hears the other's sound."""
        need('pipewire-pulse', 'pactl', 'parec')
        desktop = Desktop(self.place)
        self.addCleanup(desktop.end)
        _, device, stream = self.play_tone(['paplay', write_tones(self.tone, [HZ, HZ])])
        self.wait_tones(stream, (HZ, HZ))
        self.assertIn('earthshine.session-1', desktop.ask('list', 'short', 'sinks'))
        # The session manager chooses anew when a sink comes.
        harness.wait_until(lambda: desktop.ask('get-default-sink').strip() == 'desktop',
                           'the default sink is that of the desktop')
        desktop.wait_recorded(1)
        self.assertEqual(set(desktop.recorded()), {0})

        desktop.start('paplay', write_tones(self.place.file('other.wav'), [1000, 1000]))
        harness.wait_until(lambda: any(desktop.recorded()), 'the desktop hears its own')
        for _ in range(2):  # the second is all of what came since
            event = self.wait_tones(stream, (HZ, HZ), stream.mark)
        self.assertLess(event['level'][0], 1.05 * AMPLITUDE / 32768 / math.sqrt(2))  # with the other's 1.41
        self.check_sound(stream.quit())
        device.cancel()
        self.assertNotIn('earthshine', desktop.ask('list', 'short', 'sinks'))
        desktop.end()

    def test_no_pipewire(self):
        """Nothing to play on: the pictures come all the same, and the log says what to install."""
        host = self.serve(sound=True, env={'PATH': self.place.path})
        device = host.device().paired()
        end = device.play('--frames', 20, app=1).wait_end()
        self.check_stream(end, 20)
        self.assertEqual(end['audio_datagrams'], 0)
        self.assertIn('pipewire is not installed', host.messages())
        self.assertIn('no sound', host.messages())
        device.cancel()

    def surround(self, channels, layout, sound):
        hz = tones(channels)
        self.hear(['pw-cat', '-p', '--channel-map', layout, write_tones(self.tone, hz)], hz, sound)

    def test_surround_51(self):
        self.surround(6, '5.1', '6,5,0')

    def test_surround_51_high(self):
        self.surround(6, '5.1', '6,5,1')

    def test_surround_71(self):
        self.surround(8, '7.1', '8,10,0')

    def test_surround_71_high(self):
        self.surround(8, '7.1', '8,5,1')


class SoundFile(harness.Case):
    """`earthshine run` records the sound beside the pictures."""

    def setUp(self):
        super().setUp()
        need(*NEED, 'ffmpeg', 'ffprobe')
        self.tone = write_tones(self.place.file('tone.wav'), [HZ, HZ])

    def samples(self, path):
        """The first channel, as a player would decode it."""
        result = subprocess.run(
            ['ffmpeg', '-v', 'error', '-i', path, '-map', 'a:0', '-ac', '1', '-f', 's16le', '-'],
            capture_output=True, timeout=60)
        self.assertEqual(result.stderr, b'', path)
        return array.array('h', result.stdout)

    def packets(self, path):
        out = subprocess.run(['ffprobe', '-v', 'error', '-select_streams', 'a:0', '-show_entries',
                              'packet=pts_time', '-of', 'csv=p=0', path],
                             capture_output=True, text=True, timeout=60).stdout
        return [float(line.strip(',')) for line in out.split()]

    def check_tone(self, samples):
        """Somewhere in it half a second of the tone; where the machine is busy clients have gaps."""
        heard = []
        for start in range(0, len(samples) - 24000, 4800):
            part = samples[start:start + 24000]
            rising = [i for i in range(1, len(part)) if part[i - 1] < 0 <= part[i]]
            if max(part) > 1000 and len(rising) > 100:
                heard.append((len(rising) - 1) * 48000 / (rising[-1] - rising[0]))
        self.assertTrue(heard)
        if not harness.SANITIZED:  # there the apps have gaps all the time
            self.assertTrue(any(abs(hz - HZ) <= 1 for hz in heard), heard)

    def test_containers(self):
        app = ['sh', '-c', 'paplay "$0" & exec "$@"', self.tone,
               *harness.paint('--rate', 'callback')]
        for name in ('out.mkv', 'out.mp4', 'out.ts'):
            with self.subTest(name):
                run = self.record(app, '-s', '320x180', '-t', 3, output=name, sound=True)
                self.check_tone(self.samples(run.output))

    def test_sound_without_pictures(self):
        """An app that paints once; its sound lasts, with a pause."""
        app = ['sh', '-c', '"$@" & paplay "$0"; sleep 1; paplay "$0"; kill $!',
               write_tones(self.tone, [HZ, HZ], 2), *harness.paint('--still-after', 1)]
        run = self.record(app, sound=True)
        times = self.packets(run.output)
        gaps = [b - a for a, b in zip(times, times[1:]) if b - a > 0.5]
        self.assertEqual(len(gaps), 1, times)
        self.assertAlmostEqual(gaps[0], 1, delta=0.4)
        self.check_tone(self.samples(run.output))

    def test_no_sound(self):
        run = self.record(harness.paint('--frames', 10), '--no-sound', sound=True)
        self.assertEqual(self.packets(run.output), [])
        self.assertNotIn('sound', run.messages())


if __name__ == '__main__':
    harness_serve.main()
