// Elements, made of text only: whatever a name or a log line holds, it is shown as it is.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, any>} Props */

/**
 * `on...` is a listener, `value` and `checked` are the element's state, true and false make an attribute
 * be there or not, null leaves it out; all else is an attribute.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Props} props @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(props)) {
		if (name.startsWith('on')) {
			element.addEventListener(name.slice(2), value);
		} else if (name === 'value' || name === 'checked') {
			/** @type {any} */ (element)[name] = value;
		} else if (typeof value === 'boolean') {
			element.toggleAttribute(name, value);
		} else if (value !== null && value !== undefined) {
			element.setAttribute(name, String(value));
		}
	}
	put(element, ...children);
	return element;
}

/** @param {Child[]} children @returns {(Node | string)[]} */
function real(children) {
	return children.filter((child) => child !== null && child !== undefined && child !== false)
		.map((child) => (typeof child === 'number' ? String(child) : /** @type {Node | string} */ (child)));
}

/** Adds to what is there. @param {Element} element @param {...Child} children */
export function put(element, ...children) {
	element.append(...real(children));
}

/** In place of what is there. @param {Element} element @param {...Child} children */
export function fill(element, ...children) {
	element.replaceChildren(...real(children));
}

/**
 * A list whose elements stay where their item stays, so that what is typed into them or focused is not lost.
 * @template T
 * @param {Element} element @param {T[]} items @param {(item: T) => string | number} key
 * @param {(item: T) => {element: Element, update?: (item: T) => void}} make
 * @param {Map<string | number, {element: Element, update?: (item: T) => void}>} known kept by the caller
 */
export function keep(element, items, key, make, known) {
	const keys = new Set(items.map(key));
	for (const [id, entry] of known) {
		if (!keys.has(id)) {
			entry.element.remove();
			known.delete(id);
		}
	}
	let before = element.firstElementChild;
	for (const item of items) {
		let entry = known.get(key(item));
		if (!entry) {
			entry = make(item);
			known.set(key(item), entry);
		}
		entry.update?.(item);
		if (entry.element === before) {
			before = before.nextElementSibling;
		} else {
			element.insertBefore(entry.element, before);
		}
	}
}

/** @param {string} name of a picture in style.css @param {string} [label] */
export function icon(name, label) {
	return h('span', {class: `icon icon-${name}`, ...(label ? {role: 'img', 'aria-label': label} : {'aria-hidden': 'true'})});
}

/**
 * A button that is busy until what it does is done, and tells what went wrong.
 * @param {string} text @param {() => unknown} act @param {Props} props
 */
export function button(text, act, props = {}) {
	const element = h('button', {type: 'button', ...props, onclick: () => busy(element, act)}, text);
	return element;
}

/** @type {(error: unknown) => void} */
let complain = () => {};
/** @param {(error: unknown) => void} tell where a button's errors go */
export function onError(tell) {
	complain = tell;
}

/** @param {HTMLButtonElement} element @param {() => unknown} act */
export async function busy(element, act) {
	if (element.getAttribute('aria-busy') === 'true') {
		return;
	}
	element.setAttribute('aria-busy', 'true');
	try {
		await act();
	} catch (error) {
		complain(error);
	} finally {
		element.removeAttribute('aria-busy');
	}
}

/**
 * @param {string} label @param {HTMLElement} control @param {string} [help]
 */
export function field(label, control, help) {
	return h('label', {class: 'field'}, h('span', {class: 'label'}, label), control,
		help ? h('span', {class: 'help'}, help) : null);
}
