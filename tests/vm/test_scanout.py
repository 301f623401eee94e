"""An app's own DMA-BUFs go to the encoder untouched, whenever they can be what it would read."""

import json
import os
import shlex
import subprocess
import unittest

import harness
import harness_vm

SCREEN = os.path.join(harness.BUILD, 'tests/tools/screen')
DISPLAY = os.path.join(harness.BUILD, 'earthshine-display')


class Screen(harness_vm.Case):
    """`screen` plays host and encoder and tells what arrives there."""

    def show(self, *app_options, options=(), frames=40, beside=None, **env):
        """`beside`: a command of the shell for another window, there for as long as the app."""
        self.log = self.place.file('paint.log')
        app = [harness.PAINT, *app_options, '--log', self.log]
        if beside is not None:
            app = ['sh', '-c', f'{beside} & {shlex.join(app)}; status=$?; kill $!; exit $status']
        result = subprocess.run(
            [SCREEN, '-m', '320x240', '-f', str(frames), *options, DISPLAY, *app],
            env={**self.place.env, **env}, capture_output=True, text=True, check=False,
            timeout=harness.WAIT)
        self.assertEqual(0, result.returncode, result.stderr[-3000:])
        self.lines = [json.loads(line) for line in result.stdout.splitlines()]
        self.buffers = {line['buffer']: line for line in self.lines if 'buffer' in line}
        self.frames = [line for line in self.lines if 'frame' in line and line['of'] != 0]
        self.stats = [line for line in self.lines if 'committed' in line][-1]
        return self.frames

    def own_inodes(self):
        return {event['buffer'] for event in harness_vm.read_events(self.log, 'buffer')}

    def share_direct(self):
        """Of the frames from the app's first one on, by the inode of the buffer."""
        own = self.own_inodes()
        self.assertTrue(own)
        seen = [self.buffers[frame['of']]['inode'] in own for frame in self.frames]
        for frame, is_own in zip(self.frames, seen):
            self.assertEqual(is_own, frame['direct'], frame)
        self.assertIn(True, seen + [True])
        first = seen.index(True) if True in seen else 0
        return sum(seen[first:]) / len(seen[first:])


class ScanOut(Screen):
    def test_every_commit(self):
        self.show('--fullscreen', '--dmabuf', 'udmabuf', frames=60)
        self.assertGreaterEqual(self.share_direct(), 0.98, self.stats)
        announced = [line['inode'] for line in self.lines if 'buffer' in line]
        self.assertEqual(len(announced), len(set(announced)), 'a buffer was announced twice')
        self.assertEqual('gles2', [line for line in self.lines if 'renderer' in line][0]['renderer'])

    def test_control_without_scan_out(self):
        self.show('--fullscreen', '--dmabuf', 'udmabuf', frames=8,
                  WLR_SCENE_DISABLE_DIRECT_SCANOUT='1')
        self.assertEqual(0, self.share_direct(), self.stats)
        self.assertEqual(0, self.stats['direct'])

    def test_with_a_moving_cursor(self):
        self.show('--fullscreen', '--dmabuf', 'udmabuf', options=['-C'], frames=60)
        self.assertGreaterEqual(self.share_direct(), 0.98, self.stats)
        pictures = [line['cursor'] for line in self.lines if 'cursor' in line]
        self.assertTrue([size for size in pictures if size != [0, 0]], pictures)
        self.assertGreater(len([line for line in self.lines if 'moved' in line]), 10)

    def test_a_cursor_that_the_encoder_cannot_blend(self):
        self.show('--fullscreen', '--dmabuf', 'udmabuf', options=['-C', '-D'], frames=30)
        self.assertGreater(self.stats['composed'], 1, self.stats)
        self.assertEqual([], [line for line in self.lines if line.get('cursor', [0, 0]) != [0, 0]])

    def test_an_encoder_that_reads_memory_only(self):
        self.show('--fullscreen', '--dmabuf', 'udmabuf', options=['-M'], frames=8)
        self.assertEqual(0, self.stats['direct'])
        self.assertEqual({'memory'}, {self.buffers[frame['of']]['kind'] for frame in self.frames})

    def test_memory_is_composed(self):
        self.show('--fullscreen', frames=8)
        self.assertEqual(0, self.stats['direct'])
        self.assertGreater(self.stats['why'][0] + self.stats['why'][1], 0, self.stats)

    def test_another_size_is_composed_or_scaled(self):
        for scales in (False, True):
            with self.subTest(scales=scales):
                self.show('--size', '200x100', '--dmabuf', 'udmabuf', frames=8,
                          options=['-S'] if scales else [])
                direct = [frame for frame in self.frames if frame['direct']]
                self.assertEqual(scales, bool(direct), self.stats)
                for frame in direct:
                    self.assertEqual([0, 0, 200 * 256, 100 * 256], frame['src'])
                    self.assertEqual([200, 100], frame['dst'][2:])

    def test_resize_on_the_way(self):
        self.show('--fullscreen', '--dmabuf', 'udmabuf', options=['-R', '400x300'], frames=40)
        size = None
        for line in self.lines:
            size = line.get('mode', size)
            if 'frame' in line and line['of'] != 0:
                self.assertEqual(size, self.buffers[line['of']]['size'], line)
        self.assertEqual([400, 300], size)
        self.assertTrue(self.frames[-1]['direct'], self.stats)

    def test_ten_bits(self):
        self.show('--fullscreen', options=['-d', '10'], frames=4)
        self.assertEqual('XR30', self.buffers[self.frames[-1]['of']]['format'])
        self.assertEqual(10, [line for line in self.lines if 'mode' in line][0]['depth'])

    def test_release_follows_the_encoder(self):
        """wl_buffer.release comes when the buffer is replaced and read, never before."""
        self.show('--fullscreen', '--dmabuf', 'udmabuf', '--fresh', options=['-h', '80'], frames=20)
        commits = {entry['inode']: entry['number'] for entry in harness.read_log(self.log)}
        released = {event['released']: event['at_ns']
                    for event in harness_vm.read_events(self.log, 'released')}
        freed = {line['release']: line['at_ns'] for line in self.lines if 'release' in line}
        seen = 0
        for frame in self.frames:
            number = commits.get(self.buffers[frame['of']]['inode'])
            if frame['direct'] and number in released and frame['frame'] in freed:
                seen += 1
                self.assertGreater(released[number], freed[frame['frame']], (number, frame))
        self.assertGreater(seen, 3)


class Fences(Screen):
    """Pictures that are committed before they are drawn."""

    def ready_times(self):
        return {event['ready']: event['at_ns'] for event in harness_vm.read_events(self.log, 'ready')}

    def test_a_late_picture_waits_and_nothing_else(self):
        self.show('--fullscreen', '--dmabuf', 'udmabuf', '--fresh', '--fence-delay', '100',
                  options=['-C'], frames=12)
        commits = {entry['inode']: entry['number'] for entry in harness.read_log(self.log)}
        ready, seen = self.ready_times(), 0
        for frame in self.frames:
            number = commits.get(self.buffers[frame['of']]['inode'])
            if frame['direct'] and number in ready:
                seen += 1
                self.assertFalse(frame['fence'])
                self.assertGreater(frame['at_ns'] + 5_000_000, ready[number], frame)
        self.assertGreater(seen, 3)
        self.assertEqual(0, self.stats['fence_timeouts'])
        # The cursor moved in frames of its own meanwhile.
        self.assertTrue([line for line in self.lines if 'frame' in line and line['of'] == 0])

    def test_an_encoder_that_takes_fences_gets_them_at_once(self):
        self.show('--fullscreen', '--dmabuf', 'udmabuf', '--fence-delay', '100',
                  options=['-F', '-h', '150'], frames=12)
        early = [frame for frame in self.frames if frame['fence']]
        self.assertGreater(len(early), 3, self.stats)
        self.assertTrue([frame for frame in early if not frame['ready']])

    def test_a_window_that_is_never_drawn(self):
        """Composed beside another one, that goes on as if it were not there."""
        never = shlex.join([harness.PAINT, '--dmabuf', 'udmabuf', '--size', '100x80', '--fence-delay', 'never',
                            '--log', self.place.file('never.log')])
        self.show('--size', '200x100', '--rate', '10', '--frames', '30', frames=1000, beside=never)
        self.assertGreaterEqual(self.stats['fence_timeouts'], 1, self.stats)
        commits = harness.read_log(self.log)
        self.assertEqual(30, len(commits))
        self.assertLess(self.stats['committed'], 31, self.stats)
        shown = [commit['presented_ns'] for commit in commits if commit['result'] == 'presented']
        self.assertGreater(len(shown), 5, commits)
        self.assertEqual([], [commit for commit in harness.read_log(self.place.file('never.log'))
                              if commit['result'] == 'presented'])

    def test_a_picture_that_is_never_drawn(self):
        """It is dropped after a second, and the app goes on."""
        self.show('--fullscreen', '--dmabuf', 'udmabuf', '--fence-delay', 'never', '--frames', '4',
                  options=['-C'], frames=1000)
        self.assertGreaterEqual(self.stats['fence_timeouts'], 1, self.stats)
        self.assertEqual(0, self.stats['sent'], self.stats)
        self.assertTrue([line for line in self.lines if 'end' in line])


class Lives(Screen):
    def test_encoders_come_and_go(self):
        result = subprocess.run(
            [SCREEN, '-r', '25', '-n', '8', '-s', '7', '-S', DISPLAY, harness.PAINT, '--fullscreen',
             '--dmabuf', 'udmabuf', '--fresh'],
            env=self.place.env, capture_output=True, text=True, check=False, timeout=harness.WAIT)
        self.assertEqual(0, result.returncode, result.stderr[-3000:])
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        files = [line['files'] for line in lines if 'run' in line]
        self.assertEqual(8, len(files))
        self.assertLessEqual(max(files[4:]), max(files[:4]) + 4, files)
        self.assertGreater([line for line in lines if 'committed' in line][-1]['direct'], 0)


if __name__ == '__main__':
    unittest.main(verbosity=2)
