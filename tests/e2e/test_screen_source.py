"""The screen as others on the machine see it through PipeWire, when the settings publish it."""

import os
import subprocess

import harness
import harness_serve
from harness import need, wait_until
from harness_serve import Events, ServeCase

READER = os.environ.get('SCREEN_READER') or os.path.join(harness.BUILD, 'tests/clients/screen_reader')
NODE = 'earthshine.session-1.screen'


class Reader(Events):
    def numbers(self, start=0):
        return [event['number'] for event in self.all('picture', start) if 'number' in event]


class ScreenSource(ServeCase):
    def setUp(self):
        super().setUp()
        need('pipewire', 'wireplumber')
        self.servers = []
        self.addCleanup(self.end_servers)

    def start_server(self, *command):
        env = {**self.place.env, 'DBUS_SESSION_BUS_ADDRESS': 'disabled:', 'PIPEWIRE_DEBUG': '0',
               'WIREPLUMBER_DEBUG': '0'}
        self.servers.append(subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL,
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def start_servers(self):
        """The user's."""
        self.start_server('pipewire')
        wait_until(lambda: os.path.exists(os.path.join(self.place.runtime, 'pipewire-0')), 'PipeWire runs')
        self.start_server('wireplumber', '-p', 'policy')

    def end_servers(self):
        while self.servers:
            server = self.servers.pop()
            server.kill()
            server.wait()
        for name in ('pipewire-0', 'pipewire-0.lock', 'pipewire-0-manager', 'pipewire-0-manager.lock'):
            path = os.path.join(self.place.runtime, name)
            if os.path.exists(path):
                os.remove(path)

    def read(self, *options):
        reader = Reader(self.place, [READER, NODE, *map(str, options)])
        self.programs.append(reader)
        return reader

    def end_reader(self, reader):
        reader.popen.terminate()
        reader.wait()

    def play(self, *paint):
        host = self.serve({'paint': self.paint(*paint)}, settings=['screen-source yes'])
        device = host.device().paired()
        return device, device.play(app=1).wait_playing()

    def test_pictures(self):
        self.start_servers()
        device, stream = self.play('--damage', 'moving:256x64')
        reader = self.read()
        reader.wait_for('picture', lambda event: 'number' in event, count=60)
        stream.send('mouse abs 100 50 640 360')
        wait_until(lambda: [e for e in reader.events if e.get('cursor') == [100, 50]], 'the cursor is told')
        numbers = reader.numbers()
        self.check_numbers(numbers, 60)
        self.assertTrue(set(stream.numbers()) & set(numbers))
        # What has changed, not all of it, and the size of the screen.
        pictures = reader.all('picture')[10:]
        self.assertTrue(all((p['width'], p['height']) == (640, 360) for p in pictures))
        self.assertLess(min(p['damage'] for p in pictures), 640 * 360 // 4)
        self.end_reader(reader)
        # Nobody looks: the client goes on, and whoever comes later sees the picture of then.
        stream.wait_frames(20, start=stream.mark)
        again = self.read()
        again.wait_for('picture', lambda event: event.get('number', 0) > numbers[-1])
        self.end_reader(again)
        self.check_stream(stream.quit(), 60)
        device.cancel()
        self.end_servers()

    def test_slow_consumer(self):
        """It misses pictures, and neither the client nor the last picture."""
        self.start_servers()
        device, stream = self.play('--still-after', 200)
        reader = self.read(100)
        stream.wait_for('frame', lambda frame: frame['number'] == 200, timeout=60)
        reader.wait_for('picture', lambda event: event.get('number') == 200)
        self.assertLess(len(reader.numbers()), 100)
        self.end_reader(reader)
        self.check_stream(stream.quit(), 150)
        device.cancel()
        self.end_servers()

    def test_pipewire_comes_later(self):
        device, stream = self.play()
        self.start_servers()
        for _ in range(2):
            reader = self.read()
            reader.wait_for('picture', lambda event: 'number' in event)
            reader.kill()
            self.end_servers()
            self.start_servers()
        self.check_stream(stream.quit(), 1)
        device.cancel()
        self.end_servers()


if __name__ == '__main__':
    harness_serve.main()
