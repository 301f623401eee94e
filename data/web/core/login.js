// Before the console: the password, or its choice by the one-time link.

import {call} from './api.js';
import {busy, field, fill, h} from './dom.js';
import {t} from '../en.js';

/**
 * @param {HTMLElement} main @param {string} title @param {Node[]} content @param {string} yes
 * @param {() => Promise<void>} submit
 */
function form(main, title, content, yes, submit) {
	const error = h('p', {class: 'error', role: 'alert'});
	const go = h('button', {type: 'submit', class: 'primary'}, yes);
	const element = h('form', {
		class: 'card',
		onsubmit: (/** @type {Event} */ event) => {
			event.preventDefault();
			fill(error);
			busy(go, async () => {
				try {
					await submit();
				} catch (problem) {
					fill(error, /** @type {Error} */ (problem).message);
				}
			});
		},
	}, h('img', {src: 'icon.svg', alt: '', width: '48', height: '48'}), h('h1', {}, title),
	h('input', {type: 'text', autocomplete: 'username', value: 'earthshine', hidden: true, tabindex: '-1'}), // for password managers
	...content, error, go);
	fill(main, element);
	document.title = `${title} · ${t.name}`;
	element.querySelector('input')?.focus();
}

/** @param {HTMLElement} main @param {string} host @param {boolean} isSet @param {() => void} done */
export function showLogin(main, host, isSet, done) {
	if (!isSet) {
		document.title = `${t.setup.first} · ${t.name}`;
		fill(main, h('div', {class: 'card'}, h('img', {src: 'icon.svg', alt: '', width: '48', height: '48'}),
			h('h1', {}, t.setup.first), h('p', {}, t.setup.firstText)));
		return;
	}
	const password = h('input', {type: 'password', name: 'password', autocomplete: 'current-password', required: true});
	form(main, t.login.title, [h('p', {}, t.login.text(host)), field(t.login.password, password),
		h('p', {class: 'help'}, t.login.forgotten)], t.login.enter, async () => {
		await call('POST', '/login', {password: password.value}, {quiet: true});
		done();
	});
}

/** @param {HTMLElement} main @param {string} setup of the one-time link @param {() => void} done */
export function showSetup(main, setup, done) {
	const input = (/** @type {string} */ name) => h('input', {
		type: 'password', name, autocomplete: 'new-password', required: true, minlength: '8',
	});
	const password = input('password');
	const again = input('again');
	form(main, t.setup.title, [h('p', {}, t.setup.text), field(t.login.password, password), field(t.setup.again, again)],
		t.setup.set, async () => {
			if (password.value !== again.value) {
				throw new Error(t.setup.differ);
			}
			await call('POST', '/password', {password: password.value, setup}, {quiet: true});
			done();
		});
}
