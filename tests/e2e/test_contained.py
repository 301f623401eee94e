"""An app of a session sees its session, and neither the host's state, its control socket nor its processes."""

import json
import os

import harness_serve
from harness import read_file, wait_until
from harness_serve import ServeCase, WAIT

# Tells what it finds as JSON, in one write.
LOOK = """
import json, os, socket, sys
out, runtime, state = sys.argv[1:]
def connects(path):
    try:
        socket.socket(socket.AF_UNIX).connect(path)
        return True
    except OSError:
        return False
def files(path):
    return sorted(name for _, _, names in os.walk(path) for name in names)
found = {'state': files(state), 'control': connects(runtime + '/earthshine/control'),
         'others': [p for p in os.listdir('/proc') if p.isdigit() and int(p) > 100],

         'runtime': os.environ['XDG_RUNTIME_DIR'],
         'wayland': connects(os.environ['XDG_RUNTIME_DIR'] + '/' + os.environ['WAYLAND_DISPLAY']),
         'bus': os.environ.get('DBUS_SESSION_BUS_ADDRESS', ''),
         'root': files('/proc/1/root' + state), 'escapes': [], 'capabilities':
         [line.split()[1] for line in open('/proc/self/status') if line.startswith('CapEff')]}
for path in (runtime, state):
    if os.system(f'umount {path} 2>/dev/null') == 0:
        found['escapes'].append(path)
with open(out + '.new', 'w') as file:
    json.dump(found, file)
os.rename(out + '.new', out)
import time
time.sleep(1000)
"""


class Contained(ServeCase):
    def look(self, *lines):
        """What the app says, and the host."""
        out = self.place.file('found')
        env = {'DBUS_SESSION_BUS_ADDRESS': 'unix:path=/nowhere'}
        script = self.place.file('look.py')
        with open(script, 'w', encoding='utf-8') as file:
            file.write(LOOK)
        look = ['python3', script, out, self.place.runtime, self.place.file('state/earthshine')]
        host = self.serve({'look': (look, lines)}, env=env)
        device = host.device().paired()
        self.assertTrue(os.listdir(self.place.file('state/earthshine')))
        device.play(app=1)
        return json.loads(wait_until(lambda: os.path.exists(out) and read_file(out), 'the app has looked',
                                     WAIT))

    def test_contained(self):
        found = self.look()
        self.assertEqual(found['state'], [])
        self.assertEqual(found['root'], [])
        self.assertFalse(found['control'])
        self.assertEqual(found['others'], [])
        self.assertTrue(found['wayland'])
        self.assertIn('/earthshine/session-', found['runtime'])
        self.assertNotIn('/nowhere', found['bus'])
        self.assertEqual(found['escapes'], [])
        self.assertEqual(int(found['capabilities'][0], 16), 0)

    def test_let_out(self):
        found = self.look('contain no')
        self.assertTrue(found['state'])
        self.assertTrue(found['control'])
        self.assertTrue(found['others'])
        self.assertEqual(found['bus'], 'unix:path=/nowhere')


if __name__ == '__main__':
    harness_serve.main()
