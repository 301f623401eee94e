// Questions to the user, and what they are told in passing.

import {busy, field, fill, h} from './dom.js';
import {t} from '../en.js';

/**
 * A dialog with a form. `submit` may throw: the dialog then stays, with the error's text. Resolves with
 * what it returned; null: it was closed.
 * @template T
 * @param {{title: string, text?: string, content?: HTMLElement[], yes?: string, danger?: boolean,
 *   submit: () => T | Promise<T>}} what
 * @returns {Promise<T | null>}
 */
export function dialog(what) {
	return new Promise((resolve) => {
		/** @type {T | null} */
		let result = null;
		const error = h('p', {class: 'error', role: 'alert'});
		const yes = h('button', {type: 'submit', class: what.danger ? 'danger' : 'primary'}, what.yes ?? t.ok);
		const no = h('button', {type: 'button', onclick: () => element.close()}, t.cancel);
		const form = h('form', {
			onsubmit: (/** @type {Event} */ event) => {
				event.preventDefault();
				busy(yes, async () => {
					try {
						result = await what.submit();
						element.close();
					} catch (problem) {
						fill(error, /** @type {Error} */ (problem).message);
					}
				});
			},
		}, h('h2', {}, what.title), what.text ? h('p', {}, what.text) : null, ...(what.content ?? []), error,
		h('div', {class: 'actions'}, no, yes));
		const element = h('dialog', {
			'aria-label': what.title,
			onclose: () => {
				element.remove();
				resolve(result);
			},
		}, form);
		document.body.append(element);
		element.showModal();
	});
}

/** @param {string} title @param {string} text @param {string} yes @returns {Promise<boolean>} */
export async function sure(title, text, yes) {
	return await dialog({title, text, yes, danger: true, submit: () => true}) === true;
}

/** @param {string} wrong why the last one did not do @returns {Promise<string | null>} */
export function askPassword(wrong) {
	const password = h('input', {type: 'password', autocomplete: 'current-password', required: true, name: 'password'});
	const note = wrong ? [h('p', {class: 'error', role: 'alert'}, wrong)] : [];
	return dialog({
		title: t.confirm.title, text: t.confirm.text, yes: t.confirm.yes,
		content: [...note, field(t.login.password, password)], submit: () => password.value,
	});
}

/** @type {HTMLElement | null} */
let shelf = null;

/** @param {string} text @param {boolean} [bad] */
export function toast(text, bad = false) {
	if (!shelf) {
		shelf = h('div', {class: 'toasts', 'aria-live': 'polite'});
	}
	if (!shelf.isConnected) {
		document.body.append(shelf);
	}
	const close = h('button', {type: 'button', class: 'quiet', 'aria-label': t.close, onclick: () => element.remove()}, '×');
	const element = h('div', {class: bad ? 'toast bad' : 'toast', role: bad ? 'alert' : 'status'}, h('span', {}, text), close);
	shelf.append(element);
	window.setTimeout(() => element.remove(), bad ? 15000 : 5000);
}
