"""What encoders are given of an app's own DMA-BUFs, before encoding: each sample of each plane, in 8 bits and 10,
is within one code of what it shall be, however the app has laid its buffer out."""

import itertools
import json
import os
import subprocess
import unittest

import harness
import harness_vm

SAMPLES = os.path.join(harness.BUILD, 'tests/tools/samples')
DISPLAY = os.path.join(harness.BUILD, 'earthshine-display')
WIDTH = 128
# What paint --vary makes.
FORMATS = ('XR24', 'XB24', 'XR30')
MODIFIERS = (0, 0x00ffffffffffffff)  # linear, invalid
LAYOUTS = ((0, 0), (256, 0), (0, 4096), (64, 8256))  # bytes after each row, before the first


class Samples(harness_vm.Case):
    def test_every_sample(self):
        if not os.path.exists(SAMPLES):
            self.skipTest('built without the rung for tests')
        wanted = {(fourcc, modifier, 4 * WIDTH + padding, offset) for fourcc, modifier, (padding, offset)
                  in itertools.product(FORMATS, MODIFIERS, LAYOUTS)}
        log = self.place.file('paint.log')
        result = subprocess.run(
            [SAMPLES, '-m', f'{WIDTH}x96@20', '-n', str(len(wanted)), DISPLAY,
             *harness.paint('--fullscreen', '--dmabuf', 'udmabuf', '--vary', '--frames', 20 * len(wanted),
                             log=log)],
            env=self.place.env, capture_output=True, text=True, check=False, timeout=harness.WAIT)
        self.assertEqual(0, result.returncode, result.stdout[-3000:] + result.stderr[-3000:])
        pictures = [json.loads(line) for line in result.stdout.splitlines()]
        own = {event['buffer']: event for event in harness_vm.read_events(log, 'buffer')}
        numbers = {entry['inode']: entry['number'] for entry in harness.read_log(log)}
        for picture in pictures:
            self.assertLessEqual(max(picture['nv12'], picture['p010']), 1, picture)
            described = {key: own[picture['inode']][key] for key in ('format', 'modifier', 'stride', 'offset')}
            self.assertEqual(described, {key: picture[key] for key in described})
            self.assertEqual(numbers.get(picture['inode'], picture['number']), picture['number'])
        self.assertEqual(wanted, {(picture['format'], picture['modifier'], picture['stride'], picture['offset'])
                                  for picture in pictures})


if __name__ == '__main__':
    unittest.main(verbosity=2)
