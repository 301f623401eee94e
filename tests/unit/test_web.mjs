// The console's parts that need no browser.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {duration, mode} from '../../data/web/core/format.js';
import {Live} from '../../data/web/core/live.js';
import {parse} from '../../data/web/core/router.js';
import {join, split} from '../../data/web/core/words.js';

test('a command line is split as it was joined', () => {
	const lines = [[], ['sway'], ['a b', '', '"', '\\', '\'', '\t'], ['/bin/sh', '-c', 'exec "$X" \\n'], ['ü', '日本']];
	for (const words of lines) {
		assert.deepEqual(split(join(words)), words);
	}
	assert.deepEqual(split(' a  \'b "c\'\td\\ e "" '), ['a', 'b "c', 'd e', '']);
	assert.deepEqual(split('a\\'), ['a\\']);
	assert.throws(() => split('a "b'), /quotation mark/);
});

test('an address is split into what is meant', () => {
	assert.deepEqual(parse('#/recordings/a%2Fb/c'), ['recordings', 'a/b', 'c']);
	assert.deepEqual(parse(''), []);
	assert.deepEqual(parse('#/x/%zz'), ['x', '%zz']);
});

test('figures as people read them', () => {
	assert.equal(duration(59.6), '1:00');
	assert.equal(duration(3725), '1:02:05');
	assert.equal(mode({width: 1280, height: 720, refresh_mhz: 59940}), '1280×720 @ 59.94 Hz');
});

/** @param {object} more */
const stats = (more) => ({
	frames_new: 0, frames_repeated: 0, superseded: 0, frames_dropped: 0, bytes: 0, datagrams: 0, datagrams_lost: 0,
	bitrate_kbps: 8000, latency_p50_us: 4000, latency_p99_us: 9000, fec_percent: 20, rtt_us: 1500,
	stages: [{name: 'encode', p50_us: 3000, p99_us: 5000}], ...more,
});

test('points are what is new in a second', () => {
	const live = new Live();
	const tell = (/** @type {number} */ at, /** @type {object} */ more) =>
		live.take({sessions: [{id: 7, stats: stats(more)}]}, at);
	tell(1000, {frames_new: 10, bytes: 1000});
	assert.equal(live.points(7).length, 0);
	tell(3000, {frames_new: 130, bytes: 251000, datagrams: 200, datagrams_lost: 10});
	const point = live.newest(7);
	assert.deepEqual([point.fps, point.mbps, point.loss, point.p99, point.rtt], [60, 1, 5, 9, 1.5]);
	assert.deepEqual(point.stages.encode, {p50: 3, p99: 5});
	tell(4000, {frames_new: 0}); // another streamer began at 0
	assert.equal(live.newest(7).fps, 0);
	tell(60000, {frames_new: 60}); // the page slept
	assert.equal(live.points(7).length, 2);
	for (let i = 1; i < 1000; i++) {
		tell(60000 + i * 1000, {frames_new: i});
	}
	assert.equal(live.points(7).length, 300);
	live.take({sessions: []});
	assert.equal(live.points(7).length, 0);
});
