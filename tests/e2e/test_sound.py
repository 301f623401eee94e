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
NEED = ('pipewire', 'wireplumber', 'pw-cat', 'paplay')


def write_tone(path, channels=2, only=None, seconds=30, hz=HZ):
    """A tone on all channels, or on one of them."""
    period = 48000 // math.gcd(48000, hz)  # samples after which it repeats
    one = array.array('h')
    for i in range(period):
        value = round(10000 * math.sin(2 * math.pi * hz * i / 48000))
        one.extend(value if only in (None, c) else 0 for c in range(channels))
    with wave.open(path, 'wb') as file:
        file.setparams((channels, 2, 48000, 0, 'NONE', ''))
        file.writeframes(one.tobytes() * (48000 * seconds // period))
    return path


class Sound(ServeCase):
    def setUp(self):
        super().setUp()
        need(*NEED)
        self.tone = self.place.file('tone.wav')

    def start(self, command, *options, **more):
        host = self.serve({'tone': command}, **more)
        device = host.device().paired()
        return host, device, device.play('--sound', *options, app=1)

    def wait_tone(self, stream, channels, heard, start=0, hz=HZ):
        """The tone on the channels `heard` and on no other."""
        def matches(event):
            return all(abs(event['hz'][c] - hz) <= 1 and event['level'][c] > 0.02 if c in heard
                       else event['level'][c] < 0.005 for c in range(channels))
        return stream.wait_for('sound', matches, start)

    def check_sound(self, end):
        self.assertEqual(end['audio_bad'], 0, end)
        self.assertEqual(end['audio_missing'], 0, end)
        self.assertGreater(end['audio_packets'], 50, end)

    def hear(self, command, options='2,5,1', channels=2, heard=(0, 1)):
        host, device, stream = self.start(command, options)
        self.wait_tone(stream, channels, heard)
        end = stream.quit()
        self.check_sound(end)
        self.check_stream(end, 1)
        device.cancel()

    def test_pw_cat(self):
        self.hear(['pw-cat', '-p', write_tone(self.tone)])

    def test_paplay(self):
        self.hear(['paplay', write_tone(self.tone)])


if __name__ == '__main__':
    harness_serve.main()
