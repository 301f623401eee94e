"""The console as its user meets it: a real browser, over HTTPS, from an address that is not localhost."""

import array
import json
import math
import os
import struct
import urllib.parse
import wave
import zlib

import console
import harness
import opus
from console import ConsoleCase
from harness import read_file, wait_until
from harness_serve import LISTEN, PIN
from test_moonlight_input import BTN_LEFT, KEY_A, Ear

# Names as an attacker would choose them.
SAID_HZ = 1000
EVIL = '<img src=x onerror=globalThis.ran=1>'
# Pastes what is copied into the file $1, and copies what lies beside it.
COPIER = """
file=$1
shift
"$@" &
while :; do
    if [ -e "$file.copy" ]; then wl-copy <"$file.copy"; rm "$file.copy"; fi
    wl-paste -n >"$file.new" 2>/dev/null && mv "$file.new" "$file"
    sleep 0.1
done
"""
RECORD = '"$@" & exec pw-cat --record --raw --format s16 --rate 48000 --channels 1 "$0"'
# A gamepad as browsers show one, which the tests press.
PAD = """
const shaken = [];
let pad = null;
const rest = Array.from({length: 17}, () => ({pressed: false, touched: false, value: 0}));
navigator.getGamepads = () => [pad, null, null, null];
function plug(there = true) {
    pad = there ? {
        id: 'Wireless Controller (STANDARD GAMEPAD Vendor: 054c Product: 0ce6)', index: 0, connected: true,
        mapping: 'standard', buttons: rest, axes: [0, 0, 0, 0],
        vibrationActuator: {
            playEffect: async (kind, {strongMagnitude, weakMagnitude}) => shaken.push([strongMagnitude, weakMagnitude]),
            reset: async () => shaken.push([0, 0]),
        },
    } : null;
}
function press(values, axes) {
    const buttons = rest.map((button, i) => i in values ? {pressed: true, touched: true, value: values[i]} : button);
    pad = {...pad, buttons, axes};
}
"""
INLINE = """
(() => {
    const script = document.createElement('script');
    script.textContent = 'globalThis.ran = 1';
    document.body.append(script);
    const button = document.createElement('button');
    button.setAttribute('onclick', 'globalThis.ran = 2');
    document.body.append(button);
    button.click();
    button.remove();
})()
"""


def write_bursts(path):
    """A tone for half of each second: what sounds all the time, browsers take for noise."""
    second = array.array('h', (round(12000 * math.sin(2 * math.pi * SAID_HZ * i / 48000)) for i in range(24000)))
    second.extend([0] * 24000)
    with wave.open(path, 'wb') as file:
        file.setparams((1, 2, 48000, 0, 'NONE', ''))
        file.writeframes(second.tobytes() * 10)
    return path


def png(width, height, color):
    """A picture of one colour."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    rows = (b'\0' + bytes(color) * width) * height
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0))
            + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))


class ConsoleTest(ConsoleCase):
    def check_nothing_ran(self):
        """No script but the files' own."""
        self.assertEqual(self.page.js('typeof globalThis.ran'), 'undefined')

    def test_pair(self):
        """The first login, and a device that is paired by its PIN: the wrong one is told as such."""
        page = self.logged_in()
        page.js(INLINE)
        self.check_nothing_ran()
        device = self.host.device()
        name = urllib.parse.quote(EVIL)
        first = device.start('pair', '--pin', PIN, '--name', name)
        page.wait('.banner:has-text("wants to be paired")')
        page.click('.banner a')
        page.wait(f'.pairing h3:text-is("{EVIL}")')
        page.type('input[name=pin]', '0000')
        page.call('keyboard', 'press', 'Enter')
        page.wait('.result.error:has-text("another PIN")')
        first.wait()
        second = device.start('pair', '--pin', PIN, '--name', name)
        page.wait('.pairing')
        page.type('input[name=pin]', PIN)
        page.call('keyboard', 'press', 'Enter')
        page.wait('.result.good')
        second.wait()
        self.assertTrue(second.events[-1]['ok'], second.events)
        self.visit('devices')
        page.wait(f'h2:text-is("{EVIL}")')
        page.type('input[name=name]', 'Living room')
        page.click('[data-client] button[type=submit]')
        page.wait('h2:text-is("Living room")')
        self.assertEqual([client['name'] for client in self.host.clients()], ['Living room'])
        self.check_nothing_ran()
        page.click('[data-client] button.danger')
        page.click('dialog button[type=submit]')
        page.gone('[data-client]')
        self.assertEqual(self.host.clients(), [])

    def test_play(self):
        """An app is added with its cover, started in the player, typed and clicked in, and as large as the window."""
        ear = Ear(self.place.file('listen.log'))
        cover = self.place.file('cover.png')
        with open(cover, 'wb') as file:
            file.write(png(60, 80, (200, 40, 90)))
        page = self.logged_in({})
        self.visit('apps')
        page.click('button:text-is("Add an app")')
        page.type('dialog input[name=title]', EVIL)
        page.type('dialog input[name=command]', f'"{LISTEN}" {ear.path}')
        page.upload('dialog input[name=cover]', cover)
        page.call('own', 'askPassword', '**/api/v1/apps')
        page.click('dialog button[type=submit]')
        self.confirm()
        page.wait(f'[data-app] h2:text-is("{EVIL}")')
        page.until('[...document.querySelectorAll("[data-app] img")].at(-1).naturalWidth === 60')
        page.click(f'[data-app]:has(h2:text-is("{EVIL}")) button.primary')
        page.wait('.stage[data-state=playing]')
        ear.hear(event='focus', focused=True)
        page.call('keyboard', 'press', 'a')
        ear.hear(event='key', code=KEY_A, pressed=True)
        page.call('mouse', 'click', 320, 200)
        ear.hear(event='pointer-enter', x=320.0, y=200.0)
        ear.hear(event='button', code=BTN_LEFT, pressed=True)
        page.size(800, 600)
        ear.hear(event='configure', width=800, height=600)
        page.until('document.querySelector("canvas").width === 800')
        self.check_nothing_ran()
        self.stop_player()

    def test_clipboard(self):
        """Off until it is asked for; what the browser refuses is told with a remedy; then both ways."""
        harness.need('wl-copy', 'wl-paste')
        pasted = self.place.file('pasted')
        script = self.place.file('copier')
        with open(script, 'w', encoding='utf-8') as file:
            file.write(COPIER)
        page = self.logged_in({'copier': ['sh', script, pasted, *self.paint()]})
        self.start_player()
        page.call('own', 'deny', 'clipboard-read')
        self.press('Clipboard')
        page.gone('.bar')
        page.wait('.toast.bad:has-text("allow it for this page")')
        page.call('context', 'grantPermissions', ['clipboard-read', 'clipboard-write'])
        page.js('navigator.clipboard.writeText("of the browser: \u00df")')
        self.press('Clipboard')
        page.wait('.bar button[aria-pressed=true]', state='attached')
        wait_until(lambda: read_file(pasted).decode() == 'of the browser: \u00df', 'it is pasted')
        self.copy(pasted, 'of the app: \u20ac')
        page.until('navigator.clipboard.readText().then((text) => text === "of the app: \u20ac")')
        page.js('navigator.clipboard.writeText("again of the browser")')
        page.js('void window.dispatchEvent(new Event("focus"))')
        wait_until(lambda: read_file(pasted).decode() == 'again of the browser', 'that, too')
        self.press('Clipboard')  # off
        page.gone('.bar')
        page.js('navigator.clipboard.writeText("secret")')
        page.js('void window.dispatchEvent(new Event("focus"))')
        self.copy(pasted, 'secret of the app')
        wait_until(lambda: read_file(pasted).decode() == 'secret of the app', 'the app has copied')
        self.assertEqual(page.js('navigator.clipboard.readText()'), 'secret')
        self.stop_player()

    def test_grab(self):
        """A mouse that is grabbed tells how far it has moved, and where it is when it is given back."""
        ear = Ear(self.place.file('listen.log'))
        page = self.logged_in({'listen': self.listen(ear.path)})
        self.start_player()
        ear.hear(event='focus', focused=True)
        page.call('mouse', 'move', 300, 300)
        ear.hear(event='pointer-enter', x=300.0, y=300.0)
        self.press('Grab the mouse')
        page.until('document.pointerLockElement === document.querySelector("canvas.screen")')
        page.call('mouse', 'move', 600, 400)
        ear.hear(event='relative')
        page.call('mouse', 'move', 630, 380)
        ear.hear(event='relative', dx=30.0, dy=-20.0)
        page.call('mouse', 'down')
        ear.hear(event='button', code=BTN_LEFT, pressed=True)
        page.call('mouse', 'up')
        ear.hear(event='button', code=BTN_LEFT, pressed=False)
        page.js('document.exitPointerLock()')
        page.call('mouse', 'move', 100, 200)
        ear.hear(event='motion', x=100.0, y=200.0)
        self.stop_player()

    def test_pad(self):
        """A gamepad of the page: that it has come, what is pressed, that it is shaken, and that it has gone."""
        self.console()
        page = self.open_browser()
        page.call('context', 'addInitScript', {'content': PAD})
        self.first_login()
        self.start_player()
        page.js('void plug()')
        self.wait_sent('0a00', '00' '02' '0300')  # PlayStation's; triggers, and it can be shaken
        wait_until(self.pad_is_known, 'the display knows of it')
        page.js('void press({0: 1, 6: 0.5, 15: 1}, [-1, 1, 0, -1])')
        self.wait_sent('0c00', '00' '08100000' '8000' '0180' '0180' '0000' 'ff7f')
        page.js('void press({}, [0, 0, 0, 0])')
        self.wait_sent('0c00', '00' '00000000' '0000' '0000' '0000' '0000' '0000')
        page.js('void earthshinePlayer.take(Uint8Array.of(80, 1, 4, 0, 64, 0, 0, 255, 255, 0, 0).buffer)')
        page.until('JSON.stringify(shaken.at(-1)) === "[1,0]"')
        page.js('void plug(false)')
        self.wait_sent('0b00', '00')
        self.stop_player()

    def wait_sent(self, kind, data):
        """The page has told the host of this input."""
        head = '50014300' + kind
        wait_until(lambda: head + data in self.page.call('own', 'sent', head),
                   f'{data} is sent')

    def pad_is_known(self):
        if os.access('/dev/uinput', os.W_OK):
            return b'earthshine/' in read_file('/proc/bus/input/devices')
        return 'gamepad 0 cannot be shown to the app: /dev/uinput' in self.host.messages()

    def test_microphone(self):
        """Off until it is asked for; then the app records what the browser hears."""
        harness.need('pipewire', 'wireplumber', 'pw-cat')
        record = self.place.file('record.raw')
        said = write_bursts(self.place.file('said.wav'))
        self.console({'recorder': ['sh', '-c', RECORD, record, *self.paint()]}, sound=True)
        page = self.open_browser(microphone=said)
        self.first_login()
        self.start_player()
        wait_until(lambda: self.loudest(record) == 0, 'the app records silence')
        page.call('own', 'deny', 'microphone')
        self.press('Microphone')
        page.gone('.bar')
        page.wait('.toast.bad:has-text("allow it for this page")')
        page.call('context', 'grantPermissions', ['microphone'])
        self.press('Microphone')
        page.wait('.bar button[aria-pressed=true]', state='attached')
        wait_until(lambda: self.hears(record), f'{SAID_HZ} Hz')
        self.press('Microphone')
        page.gone('.bar')
        wait_until(lambda: self.loudest(record) == 0, 'silence')
        self.stop_player()

    @staticmethod
    def recorded(path):
        """The last second, once there is one."""
        data = read_file(path)
        data = data[:len(data) // 2 * 2][-96000:]
        return struct.unpack(f'<{len(data) // 2}h', data) if len(data) == 96000 else None

    def loudest(self, path):
        samples = self.recorded(path)
        return max(map(abs, samples)) if samples else None

    def hears(self, path):
        samples = self.recorded(path) or ()
        return any(abs((opus.heard_hz(samples[i:i + 2400], loud=1000) or 0) - SAID_HZ) < 5
                   for i in range(0, len(samples), 2400))

    @staticmethod
    def copy(place, text):
        with open(place + '.text', 'w', encoding='utf-8') as file:
            file.write(text)
        os.rename(place + '.text', place + '.copy')

    def start_player(self):
        """The first app, in the player."""
        self.visit('apps')
        self.page.click('[data-app] button.primary')
        self.page.wait('.stage[data-state=playing]')

    def press(self, label):
        self.page.click('.handle')
        self.page.click(f'.bar button:text-is("{label}")')

    def stop_player(self):
        self.press('Stop the app')
        self.page.click('dialog button[type=submit]')
        self.page.wait('.page-home')
        self.host.wait_no_session()

    def test_recordings(self):
        """The graphs of a session, and what the recorder keeps of it: opened, compared, downloaded, deleted."""
        page = self.logged_in()
        self.start_player()
        self.page.js('void window.open("/#/recordings")')  # the player goes on in its own page
        page.call('own', 'turn', 1)
        for _ in range(2):
            page.click('button:text-is("Record statistics")')
            page.wait('button:text-is("Stop recording")')
            wait_until(lambda: self.api('/capture')['samples'] >= 2, 'two samples')
            page.click('button:text-is("Stop recording")')
            page.wait('button:text-is("Record statistics")')
        page.until('document.querySelectorAll("[data-recording]").length === 2')
        self.check_graphs_of_session()
        self.visit('recordings')
        page.wait('tbody tr:nth-child(2)')
        ids = [recording['id'] for recording in self.api('/recordings')['recordings']]
        for kind in ('json', 'csv'):
            path = self.place.file('download')
            name = page.download(f'button[aria-label="Download: {ids[0]}.{kind}"]', path)
            self.assertEqual(name, f'{ids[0]}.{kind}')
            told = page.js(f'fetch("/api/v1/recordings/{ids[0]}?format={kind}").then((answer) => answer.text())')
            self.assertEqual(read_file(path).decode(), told)
        for row in (1, 2):
            page.click(f'tbody tr:nth-child({row}) input')
        page.click('button:text-is("Compare the two chosen")')
        page.wait('.summary th:nth-child(3)')
        self.check_drawn('.graph', 8)
        self.visit('recordings')
        page.click(f'a:text-is("{ids[1]}")')
        page.wait('.summary')
        self.check_drawn('.graph', 4)
        page.click('button.danger')
        page.click('dialog button[type=submit]')
        page.wait('tbody tr')
        page.until('document.querySelectorAll("[data-recording]").length === 1')
        self.assertEqual([recording['id'] for recording in self.api('/recordings')['recordings']], ids[:1])

    def test_pages(self):
        """Every page at a phone's width, in the dark, by keyboard: all of it is there, nothing is cut off."""
        page = self.logged_in(size=(390, 780), scheme='dark')
        self.assertFalse(page.call('page', 'isVisible', 'nav a'))
        page.call('page', 'focus', '.menu')
        page.call('keyboard', 'press', 'Enter')
        page.wait('nav a:text-is("Settings")')
        for name, shows in (('settings', '[data-setting="idle"]'), ('home', '.facts dd'), ('apps', '[data-app]'),
                            ('pair', 'section h2'), ('devices', 'h2:text-is("Tokens for scripts")'),
                            ('recordings', 'button'), ('log', '.log .line'), ('play', '.tile'),
                            ('doctor', ':is(.finding, .error)'), ('nowhere', '[role=alert]')):
            page.js(f'location.hash = "#/{name}"')
            page.wait(f'main {shows} >> nth=0')
            self.assertLessEqual(page.js('document.documentElement.scrollWidth'), 390, name)
            small = page.js("""[...document.querySelectorAll("main button, main .button, main select")]
                .filter((element) => element.offsetParent && element.offsetHeight < 44)
                .map((element) => element.outerHTML)""")
            self.assertEqual(small, [], name)
        self.visit('settings')
        page.type('#setting-max-sessions', '3')
        page.click('[data-setting="max-sessions"] button[type=submit]')
        page.wait('[data-setting="max-sessions"] .state:text-is("set here")')
        page.type('#setting-max-sessions', 'many')
        page.call('page', 'press', '#setting-max-sessions', 'Enter')
        page.wait('[data-setting="max-sessions"] .error:has-text("many")')
        page.js('location.hash = ""')
        page.click('.menu')
        page.click('button:text-is("Log out")')
        page.type('input[name=password]', 'not the password')
        page.call('keyboard', 'press', 'Enter')
        page.wait('.error:has-text("password")')
        page.type('input[name=password]', console.PASSWORD)
        page.call('keyboard', 'press', 'Enter')
        page.wait('.page-home')

    def check_graphs_of_session(self):
        self.visit(f'session/{self.host.sessions()[0]["id"]}')
        self.page.wait('.u-legend')
        self.check_drawn('.graph', 4)
        self.page.click('label:has-text("p99")')
        self.check_drawn('.graph', 4)

    def check_drawn(self, selector, count):
        """So many graphs, each with lines: pixels that differ from what lies around them."""
        self.page.until(f'''(() => {{
            const plots = [...document.querySelectorAll('{selector} canvas')];
            return plots.length === {count} && plots.every((canvas) => {{
                const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
                const colours = new Set();
                for (let i = 0; i < data.length; i += 4) {{
                    if (data[i + 3] === 255) colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
                }}
                return colours.size >= 3;
            }});
        }})()''')

    def api(self, path):
        return json.loads(self.page.js(f'fetch("/api/v1{path}").then((answer) => answer.text())'))


if __name__ == '__main__':
    console.main()
