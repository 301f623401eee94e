// What runs, what wants attention, what happened lately.

import {call, get} from '../core/api.js';
import {dialog, sure, toast} from '../core/dialogs.js';
import {button, field, fill, h} from '../core/dom.js';
import {clock, duration, mode, number} from '../core/format.js';
import {live} from '../core/live.js';
import {t} from '../en.js';

/** @typedef {import('../core/router.js').Page} Page */

const RECENT = 8;

/** @param {any} session */
export function mayPlay(session) {
	return session.state === 'detached' || /^browser\b/i.test(session.client);
}

/** @param {any} session */
export async function stop(session) {
	if (await sure(t.session.sure(session.title), t.session.sureText, t.session.stop)) {
		await call('DELETE', `/sessions/${session.id}`);
		toast(t.session.stopped(session.title));
		return true;
	}
	return false;
}

/** @param {any} session */
function card(session) {
	const point = live.newest(session.id);
	const facts = [t.session.states[/** @type {keyof typeof t.session.states} */ (session.state)] ?? session.state, session.client,
		mode(session), duration(session.seconds)];
	return h('li', {class: 'card session', 'data-session': session.id},
		h('img', {class: 'cover', src: `/api/v1/apps/${session.app}/cover`, alt: '', loading: 'lazy'}),
		h('div', {class: 'grow'}, h('h3', {}, h('a', {href: `#/session/${session.id}`}, session.title)),
			h('p', {class: 'muted'}, facts.filter(Boolean).join(' · ')),
			session.state === 'playing' ? h('p', {class: 'figures'},
				`${number(point?.fps, 0)} ${t.session.fps} · ${number(point?.mbps)} Mbit/s · ${number(session.stats.latency_p50_us / 1000)} ms`) : null),
		h('div', {class: 'actions'},
			mayPlay(session) ? h('a', {class: 'button primary', href: `#/play/${session.id}`}, t.session.play) : null,
			h('a', {class: 'button', href: `#/session/${session.id}`}, t.session.details),
			button(t.session.stop, () => stop(session), {class: 'danger'})));
}

/** @param {HTMLElement} list @param {{sessions: any[]}} state */
function tellSessions(list, state) {
	const focused = /** @type {HTMLElement | null} */ (list.contains(document.activeElement) ? document.activeElement : null);
	const where = focused ? [focused.closest('[data-session]')?.getAttribute('data-session'), focused.textContent] : null;
	fill(list, ...state.sessions.map(card));
	if (state.sessions.length === 0) {
		fill(list, h('li', {class: 'card empty'}, h('p', {}, t.home.nothing), h('a', {class: 'button primary', href: '#/apps'}, t.home.apps)));
	}
	if (where) { // the list was made anew under the user's hands
		const item = list.querySelector(`[data-session="${where[0]}"]`);
		const same = [...(item?.querySelectorAll('a, button') ?? [])].find((element) => element.textContent === where[1]);
		/** @type {HTMLElement | undefined} */ (same)?.focus();
	}
}

/** @param {HTMLElement} list @param {any[]} lines */
function tellRecent(list, lines) {
	fill(list, ...lines.slice(-RECENT).reverse().map((line) => h('li', {class: `line ${line.level}`},
		h('time', {}, clock(line.time_ms)), ' ', h('span', {}, line.text))));
	if (lines.length === 0) {
		fill(list, h('li', {class: 'muted'}, t.home.quiet));
	}
}

function changePassword() {
	const input = (/** @type {string} */ autocomplete) => h('input', {type: 'password', autocomplete, required: true});
	const old = input('current-password');
	const fresh = input('new-password');
	const again = input('new-password');
	return dialog({
		title: t.home.password, yes: t.save,
		content: [field(t.home.old, old), field(t.home.fresh, fresh, t.setup.text), field(t.setup.again, again)],
		submit: async () => {
			if (fresh.value !== again.value) {
				throw new Error(t.setup.differ);
			}
			await call('POST', '/password', {password: fresh.value, old: old.value}, {quiet: true});
			toast(t.home.changed);
		},
	});
}

/** @type {Page} */
export const page = {
	title: t.pages.home,
	async show(main, context) {
		const sessions = h('ul', {class: 'list'});
		const recent = h('ul', {class: 'log'});
		/** @type {any[]} */
		let lines = [];
		const ask = async () => {
			const [running, log] = await Promise.all([get('/sessions', context.signal), get(`/log?limit=${RECENT}&level=info`, context.signal)]);
			tellSessions(sessions, running);
			lines = log.lines;
			tellRecent(recent, lines);
		};
		const [info, status] = await Promise.all([get('/info', context.signal), get('/status', context.signal), ask()]);
		fill(main, h('section', {}, h('h2', {}, t.home.running), sessions),
			h('section', {}, h('h2', {}, t.home.recent), recent, h('a', {href: '#/log'}, t.home.wholeLog)),
			h('section', {}, h('h2', {}, t.home.host), h('dl', {class: 'facts'},
				h('dt', {}, t.devices.name), h('dd', {}, info.name),
				h('dt', {}, t.home.version), h('dd', {}, info.version),
				h('dt', {}, t.home.counts), h('dd', {}, h('a', {href: '#/devices'}, status.clients)),
				h('dt', {}, t.home.fingerprint), h('dd', {class: 'mono wrap'}, info.fingerprint)),
			button(t.home.password, changePassword)));
		context.on(['session', 'stats'], (state) => tellSessions(sessions, state));
		context.on('reset', () => ask());
		context.on('log', (/** @type {any} */ log) => {
			const fresh = log.lines.filter((/** @type {any} */ line) => line.level !== 'debug');
			if (fresh.length > 0) {
				lines = [...lines, ...fresh].slice(-RECENT);
				tellRecent(recent, lines);
			}
		});
	},
};
