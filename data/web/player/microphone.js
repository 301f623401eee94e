// The microphone: Opus packets of 10 ms, one channel.

import * as messages from './messages.js';

const RATE = 48000;
const PACKET_US = 10000;

export class Microphone {
	/** @param {(message: ArrayBuffer) => void} send */
	constructor(send) {
		this.send = send;
		this.index = 0;
		this.time = 0; // of the next sample
		/** @type {MediaStream | null} */
		this.stream = null;
		/** @type {AudioContext | null} */
		this.context = null;
		/** @type {AudioEncoder | null} */
		this.encoder = null;
		this.closed = false;
	}

	/** Asks the user. Throws what getUserMedia throws. */
	async start() {
		this.stream = await navigator.mediaDevices.getUserMedia({
			audio: {channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true},
		});
		if (this.closed) {
			this.close();
			return;
		}
		this.encoder = new AudioEncoder({
			output: (chunk) => this.packet(chunk), error: () => this.close(),
		});
		this.encoder.configure(/** @type {AudioEncoderConfig} */ ({
			codec: 'opus', sampleRate: RATE, numberOfChannels: 1, bitrate: 48000,
			opus: {frameDuration: PACKET_US, application: 'voip'},
		}));
		const context = new AudioContext({sampleRate: RATE, latencyHint: 'interactive'});
		this.context = context;
		await context.audioWorklet.addModule(new URL('microphone_tap.js', import.meta.url));
		const tap = new AudioWorkletNode(context, 'earthshine-tap', {numberOfOutputs: 0});
		tap.port.onmessage = (event) => this.take(event.data);
		context.createMediaStreamSource(this.stream).connect(tap);
	}

	/** @param {Float32Array<ArrayBuffer>} samples */
	take(samples) {
		if (this.encoder?.state !== 'configured') {
			return;
		}
		const data = new AudioData({
			format: 'f32-planar', sampleRate: RATE, numberOfFrames: samples.length, numberOfChannels: 1,
			timestamp: Math.round(this.time * 1000000 / RATE), data: samples,
		});
		this.time += samples.length;
		this.encoder.encode(data);
		data.close();
	}

	/** @param {EncodedAudioChunk} chunk */
	packet(chunk) {
		const data = new Uint8Array(chunk.byteLength);
		chunk.copyTo(data);
		this.send(messages.mic(this.index, data));
		this.index = (this.index + 1) >>> 0;
	}

	close() {
		this.closed = true;
		this.stream?.getTracks().forEach((track) => track.stop());
		this.context?.close().catch(() => {});
		if (this.encoder && this.encoder.state !== 'closed') {
			this.encoder.close();
		}
		this.encoder = null;
	}
}
