// The last minutes of each session, gathered while the console is open, so that a page which is opened
// later has them.

const SPAN_S = 300;

/**
 * @typedef {object} Point of one second
 * @property {number} at seconds since 1970
 * @property {number} fps pictures that were sent
 * @property {number} repeated
 * @property {number} superseded
 * @property {number} dropped
 * @property {number} mbps
 * @property {number} target Mbit/s
 * @property {number} p50 ms, from change to last byte
 * @property {number} p99
 * @property {number} loss percent
 * @property {number} fec percent
 * @property {number} rtt ms
 * @property {Record<string, {p50: number, p99: number}>} stages ms
 */

export class Live extends EventTarget {
	constructor() {
		super();
		/** @type {Map<number, {last: any, at: number, points: Point[]}>} */
		this.sessions = new Map();
	}

	/** @param {{sessions: any[]}} stats as of an event @param {number} at ms */
	take(stats, at = Date.now()) {
		const ids = new Set(stats.sessions.map((session) => session.id));
		for (const id of this.sessions.keys()) {
			if (!ids.has(id)) {
				this.sessions.delete(id);
			}
		}
		for (const session of stats.sessions) {
			this.add(session, at);
		}
		this.dispatchEvent(new CustomEvent('points'));
	}

	/** @param {any} session @param {number} at */
	add(session, at) {
		const known = this.sessions.get(session.id) ?? {last: null, at: 0, points: []};
		const seconds = (at - known.at) / 1000;
		if (known.last && seconds > 0.2 && seconds < 10) {
			known.points.push(this.point(known.last, session.stats, seconds, at));
			if (known.points.length > SPAN_S) {
				known.points.shift();
			}
		}
		known.last = session.stats;
		known.at = at;
		this.sessions.set(session.id, known);
	}

	/** @param {any} last @param {any} now @param {number} seconds @param {number} at @returns {Point} */
	point(last, now, seconds, at) {
		const more = (/** @type {string} */ name) => Math.max(0, now[name] - last[name]) / seconds;
		const datagrams = Math.max(0, now.datagrams - last.datagrams);
		const lost = Math.max(0, now.datagrams_lost - last.datagrams_lost);
		/** @type {Point['stages']} */
		const stages = {};
		for (const stage of now.stages ?? []) {
			stages[stage.name] = {p50: stage.p50_us / 1000, p99: stage.p99_us / 1000};
		}
		return {
			at: at / 1000, fps: more('frames_new'), repeated: more('frames_repeated'),
			superseded: more('superseded'), dropped: more('frames_dropped'), mbps: more('bytes') * 8 / 1e6,
			target: now.bitrate_kbps / 1000, p50: now.latency_p50_us / 1000, p99: now.latency_p99_us / 1000,
			loss: datagrams > 0 ? 100 * lost / datagrams : 0, fec: now.fec_percent, rtt: now.rtt_us / 1000, stages,
		};
	}

	/** @param {number} id @returns {Point[]} */
	points(id) {
		return this.sessions.get(id)?.points ?? [];
	}

	/** @param {number} id @returns {Point | undefined} */
	newest(id) {
		return this.points(id).at(-1);
	}
}

export const live = new Live();
