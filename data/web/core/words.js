// A command line and its words: no shell, only quotes and backslashes.

import {t} from '../en.js';

/** @param {string} line @returns {string[]} */
export function split(line) {
	const words = [];
	let word = '';
	let begun = false;
	let quote = '';
	for (let i = 0; i < line.length; i++) {
		const c = line[i];
		if (c === '\\' && quote !== '\'' && i + 1 < line.length) {
			word += line[++i];
			begun = true;
		} else if (quote !== '' && c === quote) {
			quote = '';
		} else if (quote === '' && (c === '"' || c === '\'')) {
			quote = c;
			begun = true;
		} else if (quote === '' && /\s/.test(c)) {
			if (begun) {
				words.push(word);
			}
			word = '';
			begun = false;
		} else {
			word += c;
			begun = true;
		}
	}
	if (quote !== '') {
		throw new Error(t.apps.quote);
	}
	return begun ? [...words, word] : words;
}

/** @param {string[]} words */
export function join(words) {
	return words.map((word) => (word !== '' && /^[^\s"'\\]+$/.test(word) ? word
		: `"${word.replace(/["\\]/g, '\\$&')}"`)).join(' ');
}
