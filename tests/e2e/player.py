"""A browser's player without a browser: reads and writes the messages of protocol/player_msg.h in WebSocket
frames on a socket whose handshake is done."""

import os
import socket
import struct
import threading
import time

import harness

CONFIG, VIDEO, AUDIO, FEEDBACK, STATS, PONG, END, COPIED = range(1, 9)
ACK, IDR, RESIZE, INPUT, MIC, PING, BITRATE, BYE, PASTE = range(64, 73)
KEY, MOVE, PLACE, BUTTON, WHEEL, TOUCH, TEXT, RELEASE_ALL = range(1, 9)
CREDIT = 3
CLIPBOARD, CLIPBOARD_PART = 128, 1920


class Gone(Exception):
    """The connection has ended."""


class Picture:
    def __init__(self, data):
        (self.flags, self.frame, size, self.commit_us, self.encode_us,
         self.host_us) = struct.unpack_from('<IIIQII', data, 4)
        self.unit = data[32:]
        self.age_ms = time.monotonic_ns() / 1e6 - self.commit_us / 1e3
        if len(self.unit) != size:
            raise AssertionError(f'{len(self.unit)} bytes, not {size}')

    @property
    def key(self):
        return self.flags & 1 != 0


class Player:
    """All that comes is kept; acknowledges each picture unless told not to."""

    def __init__(self, connection, kbit=None):
        self.socket = connection
        self.kbit = kbit  # per second, at most; None: as fast as it comes
        self.acknowledges = True
        self.changed = threading.Condition()
        self.sending = threading.Lock()
        self.configs, self.pictures, self.sounds, self.messages = [], [], [], []
        self.closed = None  # code of the close frame
        self.gone = False
        self.unacknowledged = 0
        self.most_unacknowledged = 0
        self.read_bytes = 0
        self.began = time.monotonic()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    # --- frames

    def read(self, size):
        data = b''
        while len(data) < size:
            part = self.socket.recv(min(size - len(data), 1 << 14))
            if not part:
                raise Gone
            data += part
            self.pace(len(part))
        return data

    def pace(self, size):
        """As over a line that is no faster."""
        self.read_bytes += size
        if self.kbit is not None:
            late = self.began + self.read_bytes * 8 / (self.kbit * 1000) - time.monotonic()
            if late > 0:
                time.sleep(late)
            else:
                self.began -= late  # what was not used is not saved up

    def frame(self):
        first, second = self.read(2)
        size = second & 127
        if second & 128 or first & 0x70 or not first & 0x80:
            raise AssertionError(f'a frame that begins with {first:02x} {second:02x}')
        if size == 126:
            size = struct.unpack('>H', self.read(2))[0]
        elif size == 127:
            size = struct.unpack('>Q', self.read(8))[0]
        return first & 15, self.read(size)

    def send_frame(self, opcode, data, first=0x80, masked=True):
        size = len(data)
        mask = os.urandom(4)
        flag = 0x80 if masked else 0
        if size < 126:
            head = struct.pack('>BB', first | opcode, flag | size)
        else:
            head = struct.pack('>BBH', first | opcode, flag | 126, size)
        if masked:
            head += mask
            data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        with self.sending:
            self.socket.sendall(head + data)

    # --- messages

    def send(self, kind, data=b''):
        self.send_frame(2, b'P\x01' + struct.pack('<H', kind) + data)

    def input(self, kind, layout='', *values):
        self.send(INPUT, struct.pack('<H' + layout, kind, *values))

    def key(self, code, pressed):
        self.input(KEY, 'HB', code, pressed)

    def text(self, text):
        data = text.encode()
        self.send(INPUT, struct.pack('<HH', TEXT, len(data)) + data)

    def idr(self, only=False):
        self.send(IDR, struct.pack('<B', only))

    def resize(self, width, height, refresh_mhz=60000):
        self.send(RESIZE, struct.pack('<IIi', width, height, refresh_mhz))

    def speak(self, index, packet):
        self.send(MIC, struct.pack('<I', index) + packet)

    def paste(self, text):
        data = text.encode()
        for offset in range(0, len(data), CLIPBOARD_PART):
            part = data[offset:offset + CLIPBOARD_PART]
            self.send(PASTE, struct.pack('<HIIH', CLIPBOARD, len(data), offset, len(part)) + part)

    def copied(self):
        """The texts that the app has copied."""
        texts, text = [], b''
        for kind, data in self.messages:
            if kind == COPIED:
                _, size, offset, n = struct.unpack_from('<HIIH', data)
                text = text[:offset] + data[12:]
                if len(data) != 12 + n or len(text) != offset + n:
                    raise AssertionError(f'{len(data)} bytes at {offset}, after {len(text)}')
                if len(text) == size:
                    texts.append(text.decode())
        return texts

    def acknowledge(self, picture):
        self.send(ACK, struct.pack('<III', picture.frame, 0, 0))

    def run(self):
        try:
            while True:
                self.take(*self.frame())
        except (Gone, OSError):
            pass
        with self.changed:
            self.gone = True
            self.changed.notify_all()

    def take(self, opcode, data):
        if opcode == 9:
            self.send_frame(10, data)
        elif opcode == 8:
            self.closed = struct.unpack('>H', data[:2])[0] if data else 0
            self.send_frame(8, data[:2])
        elif opcode == 2:
            self.take_message(data)

    def take_message(self, data):
        letter, version, kind = struct.unpack_from('<cBH', data)
        if letter != b'P' or version != 1:
            raise AssertionError(f'a message that begins with {data[:4]}')
        picture = None
        with self.changed:
            if kind == VIDEO:
                picture = Picture(data)
                self.pictures.append(picture)
            elif kind == CONFIG:
                self.configs.append(self.config(data))
            elif kind == AUDIO:
                self.sounds.append(data[16:])
            else:
                self.messages.append((kind, data[4:]))
            self.changed.notify_all()
        if picture and self.acknowledges:
            self.acknowledge(picture)

    def config(self, data):
        codec, channels, packet_ms, width, height, refresh, size = struct.unpack_from(
            '<BBBIIiH', data, 4)
        return {'codec': codec, 'channels': channels, 'packet_ms': packet_ms, 'width': width,
                'height': height, 'refresh': refresh, 'text': data[21:21 + size].decode(),
                'at': len(self.pictures)}

    # --- for tests

    def wait(self, condition, what, timeout=harness.WAIT):
        """The first true value of condition(); it is asked whenever something comes."""
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                value = condition()
                if value:
                    return value
                left = end - time.monotonic()
                if left <= 0 or self.gone:
                    raise AssertionError(
                        f'{"gone" if self.gone else "still"} without {what}: '
                        f'{len(self.pictures)} pictures, {self.configs}, {self.messages[-3:]}')
                self.changed.wait(left)

    def wait_pictures(self, count):
        self.wait(lambda: len(self.pictures) >= count, f'{count} pictures')

    def write(self, path, start=0, end=None):
        """The pictures from `start` on, as a file for a decoder."""
        with open(path, 'wb') as file:
            for picture in self.pictures[start:end]:
                file.write(picture.unit)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join()
        self.socket.close()
