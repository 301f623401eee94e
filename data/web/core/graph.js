// Lines over time, by uPlot where it is installed.

import {fill, h} from './dom.js';
import {t} from '../en.js';

/**
 * @typedef {object} Line
 * @property {string} label
 * @property {string} color name of a colour in style.css
 * @property {boolean} [dashed]
 * @property {boolean} [apart] not a part of the stack
 *
 * @typedef {object} GraphOptions
 * @property {string} title
 * @property {string} unit
 * @property {Line[]} lines
 * @property {boolean} [stacked] each line's area lies on those before it
 * @property {boolean} [sinceStart] the first column is seconds since a start, not the time of day
 * @property {number} [digits]
 */

/** @type {Promise<any> | null} */
let loading = null;

/** Null: it is not installed. @returns {Promise<any>} */
function load() {
	loading = loading ?? import(new URL('../vendor/uPlot.esm.js', import.meta.url).href).then((module) => {
		document.head.append(h('link', {rel: 'stylesheet', href: new URL('../vendor/uPlot.min.css', import.meta.url).href}));
		return module.default;
	}, () => null);
	return loading;
}

/** @param {string} name */
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export class Graph {
	/** @param {HTMLElement} parent @param {GraphOptions} options @param {AbortSignal} signal */
	constructor(parent, options, signal) {
		this.options = options;
		this.box = h('div', {class: 'plot'});
		this.element = h('figure', {class: 'graph'}, h('figcaption', {}, options.title), this.box);
		parent.append(this.element);
		/** @type {any} */
		this.plot = null;
		/** As given: time and one column for each line. @type {(number | null)[][]} */
		this.data = [[], ...options.lines.map(() => [])];
		this.observer = new ResizeObserver(() => this.resize());
		this.observer.observe(this.box);
		const dark = window.matchMedia('(prefers-color-scheme: dark)');
		dark.addEventListener('change', () => this.make(), {signal});
		signal.addEventListener('abort', () => this.close());
		this.closed = false;
		this.make();
	}

	async make() {
		const Plot = await load();
		if (this.closed) {
			return;
		}
		if (!Plot) {
			fill(this.box, h('p', {class: 'muted'}, t.graph.none));
			return;
		}
		this.plot?.destroy();
		fill(this.box);
		this.plot = new Plot(this.plan(), this.columns(), this.box);
	}

	get size() {
		return {width: Math.max(200, this.box.clientWidth), height: 200};
	}

	plan() {
		const {lines, unit, stacked} = this.options;
		const digits = this.options.digits ?? 1;
		const axis = {stroke: color('muted'), grid: {stroke: color('line'), width: 1}, ticks: {stroke: color('line'), width: 1}};
		return {
			...this.size,
			cursor: {drag: {x: false, y: false}},
			scales: {x: {time: !this.options.sinceStart}, y: {range: (/** @type {any} */ _u, /** @type {number} */ _min, /** @type {number} */ max) => [0, Math.max(max * 1.1, 0.1)]}},
			axes: [axis, {...axis, size: 56, values: (/** @type {any} */ _u, /** @type {number[]} */ values) => values.map((value) => `${+value.toFixed(2)}`)}],
			legend: {live: true},
			series: [
				{label: this.options.sinceStart ? t.graph.seconds : t.graph.time},
				...this.order.map((index) => ({
					label: lines[index].label,
					stroke: color(lines[index].color),
					width: 1.5,
					points: {show: false},
					...(lines[index].dashed ? {dash: [6, 4]} : {}),
					...(stacked && !lines[index].apart ? {fill: color(lines[index].color)} : {}),
					value: (/** @type {any} */ _u, /** @type {number | null} */ _value, /** @type {number} */ _series, /** @type {number | null} */ at) => {
						const raw = at === null ? this.data[index + 1].at(-1) : this.data[index + 1][at];
						return raw === null || raw === undefined ? t.unknown : `${raw.toFixed(digits)} ${unit}`;
					},
				})),
			],
		};
	}

	/** Of a stack, the topmost is drawn first: the others cover the rest of it. */
	get order() {
		const indices = this.options.lines.map((_line, index) => index);
		if (!this.options.stacked) {
			return indices;
		}
		const parts = indices.filter((index) => !this.options.lines[index].apart).reverse();
		return [...parts, ...indices.filter((index) => this.options.lines[index].apart)];
	}

	columns() {
		const [times, ...values] = this.data;
		if (!this.options.stacked) {
			return this.data;
		}
		const sums = times.map(() => 0);
		const stacked = values.map((column, index) => (this.options.lines[index].apart ? column
			: column.map((value, row) => {
				sums[row] += value ?? 0;
				return sums[row];
			})));
		return [times, ...this.order.map((index) => stacked[index])];
	}

	/** @param {(number | null)[][]} data times in s and one column for each line */
	set(data) {
		this.data = data;
		this.plot?.setData(this.columns());
	}

	resize() {
		if (this.plot && this.plot.width !== this.size.width) {
			this.plot.setSize(this.size);
		}
	}

	close() {
		this.closed = true;
		this.observer.disconnect();
		this.plot?.destroy();
		this.plot = null;
	}
}
