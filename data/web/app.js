// The console: who is logged in, the frame around the pages, and which of them is shown.

import {ApiError, call, hooks} from './core/api.js';
import {askPassword, toast} from './core/dialogs.js';
import {button, fill, h, onError} from './core/dom.js';
import {events} from './core/events.js';
import {live} from './core/live.js';
import {parse} from './core/router.js';
import {showLogin, showSetup} from './core/login.js';
import {t} from './en.js';

/** @typedef {import('./core/router.js').Page} Page */

/** @type {Record<string, () => Promise<{page: Page}>>} */
const pages = {
	home: () => import('./pages/home.js'),
	apps: () => import('./pages/apps.js'),
	pair: () => import('./pages/pair.js'),
	devices: () => import('./pages/devices.js'),
	session: () => import('./pages/session.js'),
	recordings: () => import('./pages/recordings.js'),
	log: () => import('./pages/log.js'),
	settings: () => import('./pages/settings.js'),
	doctor: () => import('./pages/doctor.js'),
	play: () => import('./pages/play.js'),
};
const links = /** @type {const} */ (['home', 'apps', 'pair', 'devices', 'recordings', 'log', 'settings', 'doctor']);
const start = document.body.dataset.start ?? 'home';
const PROGRESS_MS = 400;

const progress = h('div', {class: 'progress', role: 'progressbar', 'aria-label': t.working, hidden: true});
const banner = h('div', {class: 'banners', 'aria-live': 'polite'});
const lost = h('p', {class: 'banner bad', role: 'alert', hidden: true}, t.errors.lost);
const main = h('main', {id: 'main', tabindex: '-1'});
const badge = h('span', {class: 'badge', hidden: true});
const menu = h('button', {
	type: 'button', class: 'menu quiet', 'aria-expanded': 'false', 'aria-controls': 'nav', onclick: () => openMenu(),
}, t.menu);
const nav = h('nav', {id: 'nav', 'aria-label': t.menu}, ...links.map((name) => h('a', {href: `#/${name}`, 'data-page': name},
	t.pages[name], name === 'pair' ? badge : null)),
	button(t.login.out, () => logOut(), {class: 'quiet out'}));
const header = h('header', {}, h('a', {class: 'brand', href: '#/home'}, h('img', {src: 'icon.svg', alt: '', width: '28', height: '28'}), t.name), menu, nav);
const skip = h('button', {type: 'button', class: 'skip', onclick: () => main.focus()}, t.skip);

/** @type {AbortController | null} */
let shown = null;
let loggedIn = false;

/** @param {boolean} [open] */
function openMenu(open = menu.getAttribute('aria-expanded') !== 'true') {
	menu.setAttribute('aria-expanded', String(open));
}

async function logOut() {
	await call('POST', '/logout');
	enter();
}

/** Ends what is shown. */
function leave() {
	shown?.abort();
	shown = new AbortController();
	document.querySelectorAll('dialog').forEach((dialog) => dialog.close());
	return shown.signal;
}

/** @param {string} name @param {string[]} args */
async function show(name, args) {
	const signal = leave();
	openMenu(false);
	const load = pages[name];
	header.querySelectorAll('a[data-page]').forEach((link) => {
		link.toggleAttribute('aria-current', link.getAttribute('data-page') === name);
	});
	fill(main, h('p', {class: 'muted'}, t.loading));
	try {
		if (!load) {
			throw new Error(t.errors.unsupported);
		}
		const {page} = await load();
		if (signal.aborted) {
			return;
		}
		document.title = `${page.title} · ${t.name}`;
		document.body.classList.toggle('bare', page.bare === true);
		const section = h('div', {class: `page page-${name}`});
		fill(main, page.bare ? null : h('h1', {}, page.title), section);
		main.focus({preventScroll: true});
		window.scrollTo(0, 0);
		await page.show(section, context(args, signal));
	} catch (error) {
		if (!signal.aborted) {
			document.body.classList.remove('bare');
			fill(main, h('h1', {}, t.errors.page), h('p', {class: 'error', role: 'alert'}, /** @type {Error} */ (error).message),
				button(t.retry, () => show(name, args)));
		}
	}
}

/** @param {string[]} args @param {AbortSignal} signal @returns {import('./core/router.js').Context} */
function context(args, signal) {
	return {
		args, signal,
		on: (type, hear) => {
			for (const one of [type].flat()) {
				events.addEventListener(one, (event) => hear(/** @type {CustomEvent} */ (event).detail), {signal});
			}
		},
		onEnd: (tell) => signal.addEventListener('abort', () => tell()),
	};
}

function route() {
	if (!loggedIn || window.location.hash.startsWith('#setup=')) {
		enter();
		return;
	}
	const [name = start, ...args] = parse(window.location.hash);
	show(name, args);
}

/** Who are we? Then the page, or what comes before it. */
async function enter() {
	const setup = /^#setup=([0-9A-Za-z]+)$/.exec(window.location.hash)?.[1];
	const signal = leave();
	try {
		const me = await call('GET', '/me', null, {quiet: true});
		loggedIn = !setup && me.role !== 'none';
		if (signal.aborted) {
			return;
		}
		if (loggedIn) {
			begin();
			return;
		}
		events.close();
		document.body.classList.remove('bare');
		const info = await call('GET', '/info', null, {quiet: true});
		const outer = h('main', {class: 'gate'});
		fill(document.body, progress, outer);
		const done = () => {
			if (setup) {
				window.history.replaceState(null, '', window.location.pathname);
			}
			enter();
		};
		if (setup) {
			showSetup(outer, setup, done);
		} else {
			showLogin(outer, info.name, me.password_set, done);
		}
	} catch (error) {
		fill(document.body, progress, h('main', {class: 'gate'}, h('h1', {}, t.name),
			h('p', {class: 'error', role: 'alert'}, /** @type {Error} */ (error).message), button(t.retry, () => enter())));
	}
}

function begin() {
	fill(document.body, progress, skip, header, h('div', {class: 'content'}, lost, banner, main));
	events.open();
	askPairings();
	const [name = start, ...args] = parse(window.location.hash);
	show(name, args);
}

// --- devices that wait for their PIN, on every page

/** @param {{pairings: any[]}} state */
function tellPairings(state) {
	const waiting = state.pairings.filter((pairing) => pairing.waits_for_pin);
	badge.hidden = waiting.length === 0;
	fill(badge, waiting.length);
	fill(banner, ...waiting.map((pairing) => h('p', {class: 'banner'}, h('span', {}, t.pairing.banner(pairing.name)),
		h('a', {class: 'button', href: '#/pair'}, t.pairing.enter))));
}

async function askPairings() {
	try {
		tellPairings(await call('GET', '/pairings', null, {quiet: true}));
	} catch {
		// not for this role, or the host does not answer, which is told elsewhere
	}
}

// --- the whole

let progressTimer = 0;
hooks.pending = (count) => {
	if (count === 0) {
		window.clearTimeout(progressTimer);
		progressTimer = 0;
		progress.hidden = true;
	} else if (progressTimer === 0) {
		progressTimer = window.setTimeout(() => {
			progress.hidden = false;
		}, PROGRESS_MS);
	}
};
hooks.login = () => {
	if (loggedIn) {
		loggedIn = false;
		enter();
	}
};
hooks.password = askPassword;
onError((error) => {
	if (error instanceof ApiError && error.status === 401) {
		return;
	}
	toast(/** @type {Error} */ (error).message, true);
});
let lostTimer = 0;
events.addEventListener('connected', (event) => {
	window.clearTimeout(lostTimer);
	const connected = /** @type {CustomEvent} */ (event).detail;
	lost.hidden = true;
	if (!connected) {
		lostTimer = window.setTimeout(() => {
			lost.hidden = false;
		}, 1500);
	}
});
events.addEventListener('pairing', (event) => tellPairings(/** @type {CustomEvent} */ (event).detail));
events.addEventListener('reset', () => loggedIn && askPairings());
events.addEventListener('stats', (event) => live.take(/** @type {CustomEvent} */ (event).detail));
window.addEventListener('hashchange', route);
window.addEventListener('unhandledrejection', (event) => {
	if (event.reason instanceof ApiError) {
		toast(event.reason.message, true);
	}
});
route();
