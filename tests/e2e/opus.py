"""libopus, as far as tests need it: mono, 48 kHz, packets of 10 ms."""

import ctypes
import math

RATE = 48000
FRAME = RATE // 100
VOIP = 2048
LIBRARY = 'libopus.so.0'


def _library():
    opus = ctypes.CDLL(LIBRARY)
    for name in ('opus_decoder_create', 'opus_encoder_create'):
        getattr(opus, name).restype = ctypes.c_void_p
    for name in ('opus_decode', 'opus_encode', 'opus_decoder_destroy', 'opus_encoder_destroy'):
        getattr(opus, name).argtypes = None
    return opus


def decode(packets):
    """Samples of the left and the right together."""
    opus, error = _library(), ctypes.c_int()
    decoder = ctypes.c_void_p(opus.opus_decoder_create(RATE, 1, ctypes.byref(error)))
    room = (ctypes.c_int16 * (6 * FRAME))()
    samples = []
    for packet in packets:
        n = opus.opus_decode(decoder, packet, len(packet), room, len(room), 0)
        if n < 0:
            raise AssertionError(f'libopus refuses a packet of {len(packet)} bytes: {n}')
        samples += room[:n]
    opus.opus_decoder_destroy(decoder)
    return samples


def tone(hz, seconds):
    """Its packets."""
    opus, error = _library(), ctypes.c_int()
    encoder = ctypes.c_void_p(opus.opus_encoder_create(RATE, 1, VOIP, ctypes.byref(error)))
    room = ctypes.create_string_buffer(1275)
    packets = []
    for start in range(0, int(seconds * RATE), FRAME):
        part = (ctypes.c_int16 * FRAME)(*(round(12000 * math.sin(2 * math.pi * hz * i / RATE))
                                          for i in range(start, start + FRAME)))
        n = opus.opus_encode(encoder, part, FRAME, room, len(room))
        if n < 0:
            raise AssertionError(f'libopus makes no packet: {n}')
        packets.append(room.raw[:n])
    opus.opus_encoder_destroy(encoder)
    return packets


def heard_hz(samples, loud=2000):
    """By its zero crossings; None: it is too quiet."""
    rising = [i for i in range(1, len(samples)) if samples[i - 1] < 0 <= samples[i]]
    if len(rising) < 3 or max(samples) < loud:
        return None
    return (len(rising) - 1) * RATE / (rising[-1] - rising[0])
