"""A visible cursor that moves over an app's own buffers, up to the client's picture."""

import os
import re
import unittest

import harness
import harness_serve
import harness_vm

COLOUR, YUV = 'ff00ff', '78,214,230'
SIZE = 32
MIDDLE = (160, 120)  # where the pointer is at first
STEPS = [(64, 0), (32, 64), (-96, 0), (-128, -32), (0, -80), (96, 0), (16, 48), (112, 16), (-64, 64),
         (-96, -128)]  # beside the picture's number
MORE = 60  # pictures at least


class Cursor(harness_vm.Case, harness_serve.ServeCase):
    def play(self):
        for host in self.hosts:  # of a try that was too slow
            if host.popen.poll() is None:
                host.stop()
            os.replace(host.stderr_path, host.stderr_path + '.before')
        self.log = self.place.file('paint.log')
        app = harness.paint('--fullscreen', '--rate', 'callback', '--dmabuf', 'udmabuf', '--buffers', 3,
                            '--cursor', COLOUR, log=self.log)
        self.host = self.serve({'paint': app}, settings=['encoder fake'], env={
            'XDG_CACHE_HOME': harness_vm.CACHE, 'EARTHSHINE_FAKE_RUNG': 'report'})
        device = self.host.device(f'tv{len(self.hosts)}').paired()
        return device.play('--find', YUV, app=1, mode='320x240x30').wait_playing()

    def walk(self, stream):
        """Where the cursor has been, each place until the client sees it there."""
        places = [MIDDLE]
        box = [*MIDDLE, SIZE, SIZE]
        first = stream.wait_for('frame', lambda frame: frame['box'] == box)
        for dx, dy in STEPS:
            places.append((places[-1][0] + dx, places[-1][1] + dy))
            start = stream.mark
            stream.send(f'mouse rel {dx} {dy}')
            box = [*places[-1], SIZE, SIZE]
            stream.wait_for('frame', lambda frame, box=box: frame['box'] == box, start=start)
        stream.wait_frames(MORE)
        return places, first['frame']

    def check_direct(self):
        text = self.host.messages().split("launches 'paint'")[1]  # before it the rung was tried
        inodes = {int(buffer): int(inode)
                  for buffer, inode in re.findall(r'fake: import buffer=(\d+) inode=(\d+)', text)}
        if not inodes:  # the rung was given up while it was tried, perhaps by a host before
            harness_vm.forget_encoders()
            raise harness.Slow('another encoder was chosen')
        own = {entry['buffer'] for entry in harness_vm.read_events(self.log, 'buffer')}
        read = [inodes[int(buffer)] in own for buffer in re.findall(r'fake: read buffer=(\d+)', text)]
        self.assertIn(True, read)
        read = read[read.index(True):]
        self.assertGreaterEqual(sum(read), 0.98 * len(read), (read, inodes, own))
        return len(read)

    @harness.patiently
    def test_it_is_where_it_was_and_nowhere_else(self):
        try:
            stream = self.play()
            places, first = self.walk(stream)
            end = stream.quit()
        finally:
            if self.hosts:
                harness_vm.judge_speed(self.hosts[-1].messages())
        self.check_stream(end, MORE)
        self.assertGreater(self.check_direct(), len(STEPS))
        seen = []
        for frame in stream.frames():
            if frame['frame'] < first:
                continue
            place = tuple(frame['box'][:2])
            self.assertEqual([SIZE, SIZE], frame['box'][2:], frame)
            self.assertEqual((SIZE // 2) ** 2, frame['found'], frame)
            if not seen or seen[-1] != place:
                seen.append(place)
        self.assertEqual(places, seen)
        told = [tuple(entry['pointer']) for entry in harness_vm.read_events(self.log, 'pointer')]
        self.assertEqual(places[1:], told[-len(STEPS):])


if __name__ == '__main__':
    unittest.main(verbosity=2)
