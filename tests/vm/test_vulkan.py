"""Real DMA-BUFs are imported by Vulkan, in software, as the encoders of GPUs import them."""

import os
import subprocess
import unittest

import harness


class Import(unittest.TestCase):
    def test_pixels_are_those_of_the_app(self):
        program = os.path.join(harness.BUILD, 'tests', 'unit', 'test_vulkan_import')
        if not os.path.exists(program):
            self.skipTest('built without Vulkan')
        result = subprocess.run([program], env={**os.environ, 'VK_LOADER_DRIVERS_SELECT': '*lvp*'}, text=True,
                                capture_output=True, timeout=harness.WAIT, check=False)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
