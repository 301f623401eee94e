"""The virtual machine has the devices that it is there for, and our programs use them."""

import json
import os
import stat
import unittest

import harness
import harness_vm


class Devices(harness_vm.Case):
    def test_the_devices_are_there(self):
        for path in ('/dev/udmabuf', '/dev/uinput', '/dev/uhid', '/dev/dri/card0', '/dev/dri/renderD128'):
            self.assertTrue(stat.S_ISCHR(os.stat(path).st_mode), path)
        self.assertIn('/vgem/', os.path.realpath('/sys/class/drm/renderD128'))

    def test_the_system_cannot_be_written_to(self):
        for folder in (os.path.dirname(os.path.abspath(__file__)), harness.BUILD, '/usr', '/etc', '/var'):
            with self.assertRaises(OSError, msg=folder):
                open(os.path.join(folder, 'written'), 'w', encoding='ascii').close()

    def test_the_display_composes_on_the_gpu(self):
        display = os.path.join(harness.BUILD, 'earthshine-display')
        self.assertIn('renderer gles2', harness_vm.output_of(display, '--probe'))

    def test_doctor_tells_of_it(self):
        report = json.loads(harness_vm.output_of(harness.EARTHSHINE, 'doctor', '--json'))
        items = {item['name']: item for item in report['items']}
        self.assertEqual('gles2', items['renderer']['detail'].split()[0], report)
        self.assertTrue(items['uinput']['ok'], report)


class Pictures(harness_vm.Case):
    """What an app has drawn into DMA-BUFs comes out of the encoder."""

    def check(self, kind, *options):
        run, log = self.record_paint('--dmabuf', kind, '--buffers', 3, *options)
        self.assert_all_seen(run, 20, at_least=2)
        buffers = harness_vm.read_events(log, 'buffer')
        self.assertEqual(3, len({buffer['buffer'] for buffer in buffers}), buffers)
        self.assertEqual({buffer['buffer'] for buffer in buffers},
                         {commit['inode'] for commit in harness.read_log(log)})

    def test_udmabuf(self):
        self.check('udmabuf')

    def test_vgem(self):
        self.check('vgem')

    def test_padded_rows_after_an_offset(self):
        self.check('udmabuf', '--padding', 256, '--offset', 4096)

    def test_red_and_blue_swapped(self):
        self.check('udmabuf', '--format', 'XB24')

    def test_ten_bits(self):
        self.check('udmabuf', '--format', 'XR30')

    def test_feedback_names_what_is_taken(self):
        _, log = self.record_paint('--dmabuf', 'udmabuf')
        feedback = harness_vm.read_events(log, 'feedback')
        self.assertTrue(feedback)
        for entry in feedback:
            offered = [tuple(format) for tranche in entry['tranches'] for format in tranche['formats']]
            self.assertIn(('XR24', 0), offered, entry)


if __name__ == '__main__':
    unittest.main(verbosity=2)
