// Which page is shown: what stands behind the # of the address.

/**
 * @typedef {object} Context of a page that is shown
 * @property {string[]} args what stands behind the page's name
 * @property {AbortSignal} signal ends with the page
 * @property {(type: string | string[], hear: (detail: any) => void) => void} on the host's events, as long as the
 *   page is shown; 'reset' means: some were missed
 * @property {(tell: () => unknown) => void} onEnd when the page is left
 *
 * @typedef {object} Page
 * @property {string} title
 * @property {boolean} [bare] without the frame around it
 * @property {(main: HTMLElement, context: Context) => unknown} show may throw, also later: the frame tells the user
 */

/** @param {string} hash @returns {string[]} */
export function parse(hash) {
	return hash.replace(/^#\/?/, '').split('/').filter((part) => part !== '').map((part) => {
		try {
			return decodeURIComponent(part);
		} catch {
			return part;
		}
	});
}

/** @param {string} hash */
export function go(hash) {
	window.location.hash = hash;
}
