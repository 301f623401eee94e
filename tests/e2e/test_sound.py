"""What the app plays arrives at the client: from real sound clients, through a real PipeWire."""

import array
import math
import os
import unittest
import wave

import harness
import harness_serve
from harness import need
from harness_serve import ServeCase

HZ = 440
TONE_SDL = os.environ.get('TONE_SDL')
NEED = ('pipewire', 'wireplumber', 'pw-cat', 'paplay')


def tones(channels):
    """One for each channel, a hundred apart."""
    return [HZ + 100 * i for i in range(channels)]


def write_tones(path, hz, seconds=30):
    """One second of whole periods, repeated."""
    second = array.array('h')
    for i in range(48000):
        second.extend(round(8000 * math.sin(2 * math.pi * f * i / 48000)) for f in hz)
    with wave.open(path, 'wb') as file:
        file.setparams((len(hz), 2, 48000, 0, 'NONE', ''))
        file.writeframes(second.tobytes() * seconds)
    return path


class Sound(ServeCase):
    def setUp(self):
        super().setUp()
        need(*NEED)
        self.tone = self.place.file('tone.wav')

    def play_tone(self, command, sound='2,5,1', *options, **more):
        host = self.serve({'tone': command}, **more)
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
                           for driver in drivers})
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


if __name__ == '__main__':
    harness_serve.main()
