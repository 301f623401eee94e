// A file that the browser stores.

import {h} from './dom.js';

/** @param {Blob} blob @param {string} name */
export function save(blob, name) {
	const url = URL.createObjectURL(blob);
	const link = h('a', {href: url, download: name, hidden: true});
	document.body.append(link);
	link.click();
	link.remove();
	window.setTimeout(() => URL.revokeObjectURL(url), 60000);
}
