"""What a browser's player gets and gives, at the streamer's WebSocket: pictures, sound, input, another size, a
line that is too slow, and a page that goes and comes back."""

import os
import socket
import struct

import harness
import harness_serve
import player
from harness import BUILD, SANITIZED, numbers
from harness_serve import CACHE, LISTEN, Events, ServeCase
from test_moonlight_input import KEY_A, Ear

DOOR = os.environ.get('PLAYER_DOOR') or os.path.join(BUILD, 'tests/tools/player_door')
MODE = '640x360@60'
PLAYING, DETACHED = 2, 3


class PlayerTest(ServeCase):
    def open(self, *command, kbit=8000, mode=MODE, env=None):
        self.door = Events(self.place, [DOOR, mode, str(kbit), *command],
                           {'ROOMS': BUILD, 'XDG_CACHE_HOME': CACHE, **(env or {})})
        self.programs.append(self.door)
        self.port = self.door.wait_for('ready')['port']

    def join(self, **more):
        receive = socket.socket()
        receive.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        receive.connect(('127.0.0.1', self.port))
        page = player.Player(receive, **more)
        self.addCleanup(page.close)
        return page

    def state(self, number, start=0):
        self.door.wait_for('state', lambda event: event['state'] == number, start=start)

    def end(self):
        self.door.popen.stdin.close()
        self.assertEqual(self.door.popen.wait(20), 0)

    def decoded(self, page, start=0, end=None):
        """The app's frame numbers in the page's pictures."""
        path = self.place.file('pictures.h264')
        page.write(path, start, end)
        return numbers(harness.read_marks(path))

    def test_pictures(self):
        self.open(*self.paint())
        page = self.join()
        page.wait_pictures(60)
        config = page.configs[0]
        self.assertEqual((config['codec'], config['width'], config['height'], config['at']),
                         (0, 640, 360, 0))
        self.assertRegex(config['text'], '^avc1\\.[0-9a-f]{6}$')
        self.assertTrue(page.pictures[0].key)
        self.assertEqual([p.frame for p in page.pictures], list(range(len(page.pictures))))
        seen = self.decoded(page, end=60)
        self.assertEqual(len(seen), 60)
        self.check_numbers(seen)
        self.state(PLAYING)
        # a page that comes back begins with a whole picture
        page.send(player.BYE)
        self.state(DETACHED)
        again = self.join()
        again.wait_pictures(5)
        self.assertTrue(again.pictures[0].key)
        self.assertGreater(self.decoded(again, end=5)[0], seen[-1])
        self.end()


if __name__ == '__main__':
    harness_serve.main()
