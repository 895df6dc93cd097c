// Audio in memory: decoded once, played from any second by Web Audio, which no media policy of a host forbids.

const LONG_SECONDS = 20 * 60;
const LONG_RATE = 16000;
const KEPT = 3;
const FADE = 0.012;

class Sound {
  // `ended` is called when a track has been heard to its end.
  constructor(ended) {
    this.ended = ended;
    this.decoded = new Map();
    this.buffer = null;
    this.offset = 0;
    this.node = null;
  }

  // The samples of `key`; `read` brings its bytes the first time. `seconds` is about how long it is.
  async load(key, seconds, read) {
    let known = this.decoded.get(key);
    this.decoded.delete(key);
    if (!known) {
      const { bytes, preview } = await read();
      const rate = seconds > LONG_SECONDS ? LONG_RATE : 48000;
      const buffer = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes).catch(() => {
        throw new ServerError("This browser cannot decode the audio. Open the file instead.");
      });
      known = { buffer, preview };
    }
    this.decoded.set(key, known);
    for (const old of [...this.decoded.keys()].slice(0, -KEPT)) this.decoded.delete(old);
    return known;
  }

  // Go on with other samples at `seconds`; playing goes on if it was.
  use(buffer, seconds) {
    const played = this.playing;
    this.stop();
    this.buffer = buffer;
    this.offset = this.within(seconds);
    if (played) this.play();
  }

  get playing() { return this.node !== null; }
  get duration() { return this.buffer ? this.buffer.duration : 0; }
  get time() {
    return this.playing ? this.within(this.offset + this.context.currentTime - this.startedAt) : this.offset;
  }

  within(seconds) { return Math.min(Math.max(0, seconds), this.duration); }

  play() {
    if (!this.buffer || this.playing) return;
    this.context = this.context || new AudioContext();
    this.context.resume();
    if (this.offset >= this.duration - 0.05) this.offset = 0;
    const node = this.context.createBufferSource();
    const gain = this.context.createGain();
    node.buffer = this.buffer;
    node.connect(gain).connect(this.context.destination);
    gain.gain.setValueAtTime(0, this.context.currentTime);
    gain.gain.linearRampToValueAtTime(1, this.context.currentTime + FADE);
    node.onended = () => {
      if (this.node !== node) return;
      this.node = null;
      this.offset = this.duration;
      this.ended();
    };
    this.startedAt = this.context.currentTime;
    node.start(0, this.offset);
    this.node = node;
    this.gain = gain;
  }

  stop() {
    if (!this.playing) return;
    this.offset = this.time;
    const { node, gain, context } = this;
    this.node = null;
    gain.gain.cancelScheduledValues(context.currentTime);
    gain.gain.setTargetAtTime(0, context.currentTime, FADE / 3);
    node.stop(context.currentTime + 2 * FADE);
  }

  seek(seconds) {
    const played = this.playing;
    this.stop();
    this.offset = this.within(seconds);
    if (played) this.play();
  }
}
