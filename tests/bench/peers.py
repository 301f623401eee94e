#!/usr/bin/env python3
"""Side by side with sway and wf-recorder: same client, size, encoder, preset and bitrate; CPU time
of all processes but the client's. And against x264 alone with the same pictures."""

import argparse
import json
import os
import subprocess

import measure
from measure import harness, say

CASES = {
    # name: (client's options, commits before the measurement, seconds of the measurement)
    'full': (('--damage', 'full'), 120, 10),
    'small': (('--damage', 'moving:256x256'), 120, 10),
    'still': (('--damage', 'full', '--still-after', '60'), 60, 60),
}


def cpu_of(side, bitrate, client, commits, seconds):
    """CPU ms per second, commits per second, and Mbit/s in the file while it measured."""
    session = side(bitrate, *client)
    try:
        harness.wait_commits(session.log, commits, 60)
        if '--still-after' in client:
            measure.time.sleep(3)  # the refinement is no part of a still screen
        before, size = len(harness.read_log(session.log)), file_size(session)
        value = measure.cpu_ms_per_s(session.place, seconds)
        rate = (len(harness.read_log(session.log)) - before) / seconds
        mbit = (file_size(session) - size) * 8 / 1e6 / seconds
        encoded = len(set(harness.numbers(harness.read_marks(session.stop()))))
        say(f'  {session.name}: {value:.2f} ms/s at {rate:.1f} commits/s, {encoded} numbers in the file, '
            f'{mbit:.2f} Mbit/s')
        return value, rate, mbit
    finally:
        session.finish()


def file_size(session):
    path = session.output if session.name == 'theirs' else session.run.output
    return os.path.getsize(path) if os.path.exists(path) else 0


def start_of(side, bitrate):
    """Milliseconds from the first process to the first picture of the app that came out encoded."""
    session = side(bitrate, '--damage', 'full', '--content', 'plain', pipe=True)
    try:
        harness.wait_commits(session.log, 60, 60)
        session.stop()
        arrived_ns, number = session.pipe.first_number_ns()
        value = (arrived_ns - session.started_ns) / 1e6
        say(f'  {session.name}: {value:.0f} ms (number {number})')
        return value
    finally:
        session.finish()


def x264_of(bitrate, client):
    """CPU of x264 alone per picture, ms."""
    program = os.path.join(harness.BUILD, 'tests/bench/x264_alone')
    command = [program, str(measure.WIDTH), str(measure.HEIGHT), str(measure.REFRESH * 1000), bitrate,
               client[client.index('--damage') + 1]]
    result = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    answer = json.loads(result.stdout.splitlines()[-1])
    say(f'  x264 alone: {answer}')
    return answer['x264_ms_per_frame'], answer['module_ms_per_frame']


def compare(name, args):
    client, commits, seconds = CASES[name]
    seconds = seconds if args.seconds is None else args.seconds
    values = {'ours': [], 'theirs': [], 'x264': [], 'module': [], 'ours_mbit': [], 'theirs_mbit': []}
    for repeat in range(args.repeats):
        say(f'{name} {repeat + 1}/{args.repeats}')
        ours, rate, ours_mbit = cpu_of(measure.Ours, args.bitrate, client, commits, seconds)
        theirs, _, theirs_mbit = cpu_of(measure.Theirs, args.bitrate, client, commits, seconds)
        for key, value in (('ours', ours), ('theirs', theirs), ('ours_mbit', ours_mbit),
                           ('theirs_mbit', theirs_mbit)):
            values[key].append(value)
        if name != 'still':
            plain, module = x264_of(args.bitrate, client)
            values['x264'].append(ours / (plain * rate))
            values['module'].append(ours / (module * rate))
    ours, theirs = measure.median(values['ours']), measure.median(values['theirs'])
    return {
        'ours_ms_per_s': measure.rounded(ours, 2),
        'theirs_ms_per_s': measure.rounded(theirs, 2),
        'ratio': measure.rounded(ours / theirs),
        'vs_x264': measure.rounded(measure.median(values['x264'])),
        'ours_mbit_per_s': measure.rounded(measure.median(values['ours_mbit'])),
        'theirs_mbit_per_s': measure.rounded(measure.median(values['theirs_mbit'])),
        'vs_module': measure.rounded(measure.median(values['module'])),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('cases', nargs='*', default=[], help='full, small, still, start; all unless told')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--seconds', type=float, help='of each measurement, in place of 10 (still: 60)')
    parser.add_argument('--bitrate', default='8M')
    args = parser.parse_args()
    cases = args.cases or ['full', 'small', 'still', 'start']
    result = {}
    for name in cases:
        if name != 'start':
            result[name] = compare(name, args)
            continue
        ours, theirs = [], []
        for _ in range(args.repeats):
            ours.append(start_of(measure.Ours, args.bitrate))
            theirs.append(start_of(measure.Theirs, args.bitrate))
        result['start'] = {
            'ours_ms': measure.rounded(measure.median(ours), 1),
            'theirs_ms': measure.rounded(measure.median(theirs), 1),
            'ratio': measure.rounded(measure.median(ours) / measure.median(theirs)),
        }
    measure.finish(result)


if __name__ == '__main__':
    main()
