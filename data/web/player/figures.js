// The last few seconds of one figure.

export class Figure {
	/** @param {number} spanMs */
	constructor(spanMs = 5000) {
		this.spanMs = spanMs;
		/** @type {{at: number, value: number}[]} */
		this.values = [];
	}

	/** @param {number} value @param {number} at */
	add(value, at = performance.now()) {
		this.values.push({at, value});
		const first = this.values.findIndex((entry) => entry.at > at - this.spanMs);
		if (first > 0) {
			this.values.splice(0, first);
		}
	}

	/** How many came within the last second. */
	get rate() {
		const from = performance.now() - 1000;
		return this.values.filter((entry) => entry.at > from).length;
	}

	/** Their sum within the last second. */
	get sum() {
		const from = performance.now() - 1000;
		return this.values.reduce((sum, entry) => sum + (entry.at > from ? entry.value : 0), 0);
	}

	/** @param {number} share 0 to 1 @returns {number | null} null: there are none */
	percentile(share) {
		const sorted = this.values.map((entry) => entry.value).sort((a, b) => a - b);
		return sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
	}
}
