"""The app's own DMA-BUFs reach an encoder, and no copy of them: with the rung for tests, that reads them."""

import os
import re
import subprocess
import unittest

import harness
import harness_vm

FRAMES = 60


class Probe(unittest.TestCase):
    """Buffers of the kernel, in every format and layout that the rung offers: decoded, each cell's middle is within
    two codes of its colour."""

    def probe(self, *options):
        encode = os.path.join(harness.BUILD, 'earthshine-encode')
        return subprocess.run([encode, '--probe', 'fake', 'h264', *options], text=True, capture_output=True,
                              timeout=harness.WAIT, check=False)

    def test_formats(self):
        for fourcc in ('XR24', 'XB24', 'AR24', 'XR30', 'XB30'):
            for modifier in ('linear', 'invalid'):
                result = self.probe('--format', f'{fourcc}:{modifier}', '--tolerance', '2')
                self.assertTrue(result.stdout.startswith('ok fake h264 '), (fourcc, modifier, result))

    def test_one_format_that_is_read_wrong(self):
        os.environ['EARTHSHINE_FAKE_RUNG'] = 'wrong-format=XB24'
        self.addCleanup(os.environ.pop, 'EARTHSHINE_FAKE_RUNG')
        lines = self.probe().stdout.splitlines()
        self.assertEqual('without fake h264 XB24:linear XB24:invalid', lines[0], lines)
        self.assertTrue(lines[1].startswith('ok fake h264 '), lines)

    def test_ten_bits(self):
        result = self.probe('--format', 'XR30:linear', '--depth', '10', '--tolerance', '2')
        self.assertTrue(result.stdout.startswith('ok fake h264 '), result)


class Direct(harness_vm.Case):
    def record_fake(self, *options, commands='', **more):
        self.place.env['EARTHSHINE_FAKE_RUNG'] = f'report {commands}'
        run, log = self.record_paint('--dmabuf', 'udmabuf', '--buffers', 3, *options, frames=FRAMES,
                                     more=('-e', 'fake', *more.pop('more', ())), **more)
        return run, log

    def read_rung(self, run):
        """What the rung says: the inode of each buffer, and the buffer of each frame."""
        text = run.messages()
        inodes = {int(buffer): int(inode)
                  for buffer, inode in re.findall(r'fake: import buffer=(\d+) inode=(\d+)', text)}
        frames = [int(buffer) for buffer in re.findall(r'fake: read buffer=(\d+)', text)]
        return inodes, frames

    def app_inodes(self, log):
        return {entry['buffer'] for entry in harness_vm.read_events(log, 'buffer')}

    def check_direct(self, run, log):
        inodes, frames = self.read_rung(run)
        self.assertTrue(frames, run.messages())
        own = self.app_inodes(log)
        direct = [buffer for buffer in frames if inodes[buffer] in own]
        self.assertGreaterEqual(len(direct), 0.98 * len(frames) - 2, (inodes, frames, own))
        cache = run.stats()['import_cache']
        self.assertEqual(cache['misses'], len(set(frames)), (cache, frames))
        return direct

    def test_the_apps_own_buffers(self):
        run, log = self.record_fake()
        self.check_direct(run, log)
        self.assert_all_seen(run, FRAMES, at_least=2)

    def test_what_was_found_to_be_read_wrong_is_not_offered(self):
        harness_vm.forget_encoders()
        self.addCleanup(harness_vm.forget_encoders)
        for fourcc, direct in (('XB24', False), ('XR24', True)):
            run, _ = self.record_fake('--format', fourcc, commands='wrong-format=XB24')
            self.assertEqual(direct, run.stats()['frames']['direct'] > 0, (fourcc, run.messages()))

    def test_none_when_nothing_is_offered(self):
        run, log = self.record_fake(commands='no-formats')
        inodes, frames = self.read_rung(run)
        self.assertTrue(frames)
        self.assertFalse(self.app_inodes(log) & set(inodes.values()))
        self.assertEqual(0, run.stats()['frames']['direct'])


if __name__ == '__main__':
    unittest.main(verbosity=2)
