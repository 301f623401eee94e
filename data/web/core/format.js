// Figures as people read them.

import {t} from '../en.js';

/** @param {number} seconds */
export function duration(seconds) {
	const whole = Math.max(0, Math.round(seconds));
	const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
	const padded = parts.map((part) => String(part).padStart(2, '0'));
	return parts[0] > 0 ? `${parts[0]}:${padded[1]}:${padded[2]}` : `${parts[1]}:${padded[2]}`;
}

/** @param {number} bytes */
export function bytes(bytes) {
	const units = ['B', 'kB', 'MB', 'GB'];
	let unit = 0;
	for (; bytes >= 1000 && unit < units.length - 1; unit++) {
		bytes /= 1000;
	}
	return `${bytes.toFixed(unit === 0 || bytes >= 100 ? 0 : 1)} ${units[unit]}`;
}

/** @param {number} s since 1970 */
export function when(s) {
	return new Date(s * 1000).toLocaleString(undefined, {dateStyle: 'medium', timeStyle: 'short'});
}

/** @param {number} ms since 1970 */
export function clock(ms) {
	return new Date(ms).toLocaleTimeString(undefined, {hour12: false});
}

/** @param {{width: number, height: number, refresh_mhz: number}} mode */
export function mode(mode) {
	return `${mode.width}×${mode.height} @ ${+(mode.refresh_mhz / 1000).toFixed(2)} Hz`;
}

/** @param {number | null | undefined} value @param {number} [digits] */
export function number(value, digits = 1) {
	return value === null || value === undefined || !Number.isFinite(value) ? t.unknown : value.toFixed(digits);
}
