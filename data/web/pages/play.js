// A session, played in this page; without one, the choice of an app.

import {call, get} from '../core/api.js';
import {sure, toast} from '../core/dialogs.js';
import {button, fill, h} from '../core/dom.js';
import {number} from '../core/format.js';
import {go} from '../core/router.js';
import {startApp} from '../core/start.js';
import {Player} from '../player/player.js';
import {mayPlay} from './home.js';
import {t} from '../en.js';

/** @typedef {import('../core/router.js').Page} Page */
/** @typedef {import('../core/router.js').Context} Context */
/** @typedef {import('../player/player.js').PlayerStats} PlayerStats */

/** @param {HTMLElement} main @param {Context} context */
async function choose(main, context) {
	const [{apps}, {sessions}] = await Promise.all([get('/apps', context.signal), get('/sessions', context.signal)]);
	const running = sessions.filter(mayPlay).map((/** @type {any} */ session) => h('a', {class: 'tile', href: `#/play/${session.id}`},
		h('img', {src: `/api/v1/apps/${session.app}/cover`, alt: ''}), h('span', {}, session.title), h('small', {}, t.home.running)));
	const startable = apps.filter((/** @type {any} */ app) => app.problem === '').map((/** @type {any} */ app) => {
		const tile = button('', () => startApp(app), {class: 'tile'});
		fill(tile, h('img', {src: `/api/v1/apps/${app.id}/cover`, alt: ''}), h('span', {}, app.title));
		return tile;
	});
	fill(main, h('div', {class: 'chooser'}, h('h1', {}, t.play.choose), h('div', {class: 'tiles'}, ...running, ...startable),
		apps.length === 0 ? h('p', {}, t.apps.none) : null, h('a', {class: 'button', href: '#/home'}, t.play.back)));
}

/** @param {PlayerStats} stats */
function lines(stats) {
	const ms = (/** @type {number | null} */ value) => `${number(value)} ms`;
	return [
		[t.play.stats.picture, `${stats.width}×${stats.height} ${stats.codec} (${stats.decoder})`],
		[t.play.stats.rate, `${stats.fps} ${t.session.fps}, ${number(stats.kbps / 1000)} / ${number(stats.bitrateKbps / 1000)} Mbit/s`],
		[t.play.stats.line, ms(stats.rtt)],
		[t.play.stats.way, `${number(stats.hostP50)} (${number(stats.encodeP50)}), ${ms(stats.decodeP50)}`],
		[t.play.stats.drawn, `${number(stats.drawnP50)} / ${number(stats.drawnP95)} / ${ms(stats.drawnP99)}`],
		[t.play.stats.skipped, String(stats.skipped)],
		[t.play.stats.sound, `${stats.audioMs.toFixed(0)} ms`],
	];
}

class PlayPage {
	/** @param {HTMLElement} main @param {Context} context @param {any} session */
	constructor(main, context, session) {
		this.main = main;
		this.session = session;
		this.canvas = h('canvas', {class: 'screen', width: session.width, height: session.height, 'aria-label': session.title});
		this.note = h('div', {class: 'note', role: 'status'}, t.play.connecting);
		this.stats = h('dl', {class: 'overlay', hidden: true});
		this.bar = h('div', {class: 'bar', id: 'bar', role: 'toolbar', 'aria-label': t.play.bar, hidden: true}, ...this.controls());
		this.handle = h('button', {
			type: 'button', class: 'handle', 'aria-label': t.play.bar, 'aria-expanded': 'false', 'aria-controls': 'bar',
			onclick: () => this.openBar(this.bar.hidden === true),
		}, '☰');
		this.stage = h('div', {class: 'stage'}, this.canvas, this.note, this.stats, this.handle, this.bar);
		fill(main, this.stage);
		const {host} = window.location;
		const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws';
		this.player = new Player(this.canvas, `${scheme}://${host}/api/v1/sessions/${session.id}/player`, {
			resize: true, exists: () => this.exists(),
		});
		this.player.addEventListener('state', (event) => this.become(/** @type {CustomEvent} */ (event).detail));
		this.player.addEventListener('stats', (event) => this.tell(/** @type {CustomEvent} */ (event).detail));
		this.player.addEventListener('config', () => this.hush());
		context.onEnd(() => this.player.stop());
		this.player.start();
		this.pictures = 0;
	}

	/** Whether it is worth trying again. */
	async exists() {
		try {
			await call('GET', `/sessions/${this.session.id}`);
			return true;
		} catch (error) {
			return /** @type {any} */ (error).status !== 404;
		}
	}

	controls() {
		const press = (/** @type {string} */ label, /** @type {string} */ help, /** @type {() => unknown} */ act) =>
			button(label, async () => {
				await act();
				this.openBar(false);
			}, {title: help});
		let keyboard = false;
		return [
			press(t.play.fullscreen, t.play.fullscreenHelp, () => this.fullscreen()),
			press(t.play.pointer, t.play.pointerHelp, () => this.player.lockPointer()),
			press(t.play.keyboard, t.play.keyboard, () => {
				keyboard = !keyboard;
				this.player.showKeyboard(keyboard);
			}),
			this.toggle(t.play.microphone, t.play.microphone, t.play.noMicrophone, (on) => this.player.setMicrophone(on)),
			this.session.clipboard ? this.toggle(t.play.clipboard, t.play.clipboardHelp, t.play.noClipboard,
				(on) => this.player.setClipboard(on)) : null,
			press(t.play.statistics, t.play.statistics, () => {
				this.stats.hidden = !this.stats.hidden;
			}),
			h('a', {class: 'button', href: `#/session/${this.session.id}`}, t.session.details),
			press(t.play.stop, t.play.stop, () => this.stop()),
			press(t.play.leave, t.play.leaveHelp, () => go('#/home')),
		];
	}

	/**
	 * What is off until its user asks for it, and the browser may refuse.
	 * @param {string} label @param {string} help @param {string} refused @param {(on: boolean) => Promise<void>} set
	 */
	toggle(label, help, refused, set) {
		const element = button(label, async () => {
			const on = element.getAttribute('aria-pressed') !== 'true';
			try {
				await set(on);
				element.setAttribute('aria-pressed', String(on));
			} catch {
				element.setAttribute('aria-pressed', 'false');
				toast(refused, true);
			}
			this.openBar(false);
		}, {title: help, 'aria-pressed': 'false'});
		return element;
	}

	async fullscreen() {
		if (document.fullscreenElement) {
			await document.exitFullscreen();
		} else {
			await this.player.enterFullscreen(this.stage);
		}
	}

	async stop() {
		if (await sure(t.session.sure(this.session.title), t.session.sureText, t.session.stop)) {
			this.say(t.session.stopping);
			await call('DELETE', `/sessions/${this.session.id}`);
			go('#/home');
		}
	}

	/** @param {boolean} open */
	openBar(open) {
		this.bar.hidden = !open;
		this.handle.setAttribute('aria-expanded', String(open));
		if (open) {
			this.bar.querySelector('button')?.focus();
		} else {
			this.player.input?.focus();
		}
	}

	/** @param {string} text @param {...Node} more */
	say(text, ...more) {
		this.note.hidden = false;
		fill(this.note, h('p', {}, text), ...more);
	}

	hush() {
		if (this.player.state === 'connecting') {
			this.say(t.play.starting);
		}
	}

	/** @param {{state: import('../player/player.js').PlayerState, text: string}} detail */
	become({state, text}) {
		this.stage.dataset.state = state;
		if (state === 'playing') {
			this.note.hidden = true;
		} else if (state === 'reconnecting') {
			this.say(t.play.reconnecting);
		} else if (state === 'ended' || state === 'failed') {
			const said = state === 'failed' || !text ? text || t.play.ended : text;
			this.say(said.charAt(0).toUpperCase() + said.slice(1),
				h('div', {class: 'actions'}, button(t.play.again, () => startApp({id: this.session.app, title: this.session.title})),
					h('a', {class: 'button', href: '#/home'}, t.play.back)));
		}
	}

	/** @param {PlayerStats} stats */
	tell(stats) {
		fill(this.stats, ...lines(stats).flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
	}
}

/** @type {Page} */
export const page = {
	title: t.pages.play,
	bare: true,
	async show(main, context) {
		const id = Number(context.args[0]);
		if (!id) {
			await choose(main, context);
			return;
		}
		const session = await get(`/sessions/${id}`, context.signal);
		document.title = `${session.title} · ${t.name}`;
		const play = new PlayPage(main, context, session);
		/** @type {any} */ (window).earthshinePlayer = play.player;
	},
};
