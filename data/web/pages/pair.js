// Devices that want to be paired, and the PIN that they show.

import {ApiError, call, get} from '../core/api.js';
import {toast} from '../core/dialogs.js';
import {busy, button, field, fill, h, keep} from '../core/dom.js';
import {t} from '../en.js';

/** @typedef {import('../core/router.js').Page} Page */

/** @param {any} pairing @param {(text: string, good: boolean) => void} told */
function item(pairing, told) {
	const left = h('span', {class: 'muted'});
	const pin = h('input', {
		type: 'text', inputmode: 'numeric', pattern: '[0-9]{4}', maxlength: '4', required: true, autocomplete: 'off', name: 'pin',
		placeholder: '0000',
	});
	const accept = h('button', {type: 'submit', class: 'primary'}, t.pairing.accept);
	const error = h('p', {class: 'error', role: 'alert'});
	const entered = h('p', {class: 'muted', hidden: true}, t.pairing.entered);
	const enter = async () => {
		fill(error);
		try {
			await call('POST', `/pairings/${pairing.id}/accept`, {pin: pin.value});
			told(t.pairing.paired(pairing.name), true);
		} catch (problem) {
			if (!(problem instanceof ApiError)) {
				throw problem;
			}
			told(`${pairing.name}: ${problem.message}`, false); // the request has ended, and this item with it
			fill(error, problem.message);
		}
	};
	const refuse = async () => {
		await call('DELETE', `/pairings/${pairing.id}`);
		toast(t.pairing.refused(pairing.name));
	};
	const form = h('form', {
		class: 'row pin',
		onsubmit: (/** @type {Event} */ event) => {
			event.preventDefault();
			busy(accept, enter);
		},
	}, field(t.pairing.pin, pin), accept, button(t.pairing.refuse, refuse, {class: 'danger'}));
	const element = h('li', {class: 'card pairing'},
		h('div', {class: 'grow'}, h('h3', {}, pairing.name), h('p', {class: 'muted'}, t.pairing.from(pairing.address), ' · ', left)), form, entered, error);
	return {
		element,
		/** @param {any} now */
		update(now) {
			fill(left, t.pairing.left(now.seconds_left));
			entered.hidden = now.waits_for_pin;
		},
	};
}

/** @type {Page} */
export const page = {
	title: t.pages.pair,
	async show(main, context) {
		const list = h('ul', {class: 'list'});
		const result = h('p', {class: 'result', role: 'status'});
		const none = h('p', {class: 'card'}, t.pairing.none);
		const known = new Map();
		/** @type {any[]} */
		let pairings = [];
		const told = (/** @type {string} */ text, /** @type {boolean} */ good) => {
			result.className = good ? 'result good' : 'result error';
			fill(result, text);
		};
		const tell = (/** @type {{pairings: any[]}} */ state) => {
			const first = pairings.length === 0;
			pairings = state.pairings;
			keep(list, pairings, (pairing) => pairing.id, (pairing) => item(pairing, told), known);
			none.hidden = pairings.length > 0;
			if (first && pairings.length > 0) {
				list.querySelector('input')?.focus();
			}
		};
		const [info, console_] = await Promise.all([get('/info', context.signal), get('/console', context.signal).catch(() => null)]);
		tell(await get('/pairings', context.signal));
		const host = window.location.hostname;
		fill(main, result, h('section', {}, h('h2', {}, t.pairing.title), none, list),
			h('section', {}, h('p', {}, t.pairing.how), console_ ? h('p', {}, t.pairing.manual, ' ', h('span', {class: 'mono'}, `${host}:${info.ports.http}`)) : null,
				h('a', {class: 'button', href: '#/devices'}, t.pages.devices)));
		if (pairings.length > 0) {
			list.querySelector('input')?.focus();
		}
		context.on('pairing', tell);
		context.on('reset', async () => tell(await get('/pairings', context.signal)));
		const timer = window.setInterval(() => {
			pairings = pairings.map((pairing) => ({...pairing, seconds_left: Math.max(0, pairing.seconds_left - 1)}));
			pairings.forEach((pairing) => known.get(pairing.id)?.update(pairing));
		}, 1000);
		context.onEnd(() => window.clearInterval(timer));
	},
};
