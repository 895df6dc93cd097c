// The picture of a track: its loudness, where it was joined, what was played.

const BAR = 3;
const GAP = 1;
const TOP = 14;
const MANY = 60;

class Wave {
  constructor(canvas) {
    this.canvas = canvas;
    this.buffer = null;
    this.peaks = null;
    this.joins = [];
    this.inks = new Map();
    for (const name of ["accent", "quiet", "join", "text", "line"]) {
      const sample = document.createElement("i");
      sample.className = "ink";
      sample.style.color = `var(--${name})`;
      canvas.parentNode.append(sample);
      this.inks.set(name, sample);
    }
  }

  show(buffer, joins) {
    this.buffer = buffer;
    this.joins = joins;
    this.peaks = null;
  }

  // The loudest sample and the mean power of each bar.
  measure(count) {
    const channel = this.buffer.getChannelData(0);
    const step = channel.length / count;
    const stride = Math.max(1, Math.floor(step / 600));
    const peaks = new Float32Array(count);
    let most = 0.05;
    for (let bar = 0; bar < count; bar++) {
      let power = 0, peak = 0, seen = 0;
      for (let at = Math.floor(bar * step); at < Math.min(channel.length, (bar + 1) * step); at += stride, seen++) {
        const value = Math.abs(channel[at]);
        power += value * value;
        if (value > peak) peak = value;
      }
      peaks[bar] = seen ? 0.5 * peak + 0.5 * Math.sqrt(power / seen) : 0;
      most = Math.max(most, peaks[bar]);
    }
    return peaks.map((value) => value / most);
  }

  draw(time, chosen) {
    const ratio = devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !this.buffer) return;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
      this.peaks = null;
    }
    const pen = this.canvas.getContext("2d");
    const ink = (name) => getComputedStyle(this.inks.get(name)).color;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    this.bars(pen, width, height, time / this.buffer.duration, ink);
    this.marks(pen, width, height, chosen, ink);
    pen.fillStyle = ink("text");
    pen.fillRect(Math.min(width - 2, (time / this.buffer.duration) * width), TOP - 4, 2, height - TOP + 4);
  }

  bars(pen, width, height, played, ink) {
    const count = Math.floor(width / (BAR + GAP));
    if (!this.peaks || this.peaks.length !== count) this.peaks = this.measure(count);
    const middle = TOP + (height - TOP) / 2, room = (height - TOP) / 2 - 2;
    for (const [name, wanted] of [["accent", true], ["quiet", false]]) {
      pen.fillStyle = ink(name);
      pen.beginPath();
      for (let bar = 0; bar < count; bar++) {
        if (bar / count < played !== wanted) continue;
        const tall = Math.max(1.5, this.peaks[bar] * room);
        pen.roundRect(bar * (BAR + GAP), middle - tall, BAR, 2 * tall, BAR / 2);
      }
      pen.fill();
    }
  }

  marks(pen, width, height, chosen, ink) {
    pen.strokeStyle = pen.fillStyle = ink("join");
    if (this.joins.length > MANY) {  // a mark for each would hide the music: a line of ticks, and the chosen one
      for (const at of this.joins) pen.fillRect((at / this.buffer.duration) * width, 1, 1, 7);
    }
    this.joins.forEach((at, index) => {
      if (this.joins.length > MANY && index !== chosen) return;
      const x = (at / this.buffer.duration) * width;
      const big = index === chosen;
      pen.globalAlpha = big ? 1 : 0.75;
      pen.lineWidth = big ? 2 : 1;
      pen.setLineDash(big ? [] : [3, 3]);
      pen.beginPath();
      pen.moveTo(x, TOP - 4);
      pen.lineTo(x, height);
      pen.stroke();
      pen.setLineDash([]);
      const half = big ? 6 : 4;
      pen.beginPath();
      pen.moveTo(x - half, 1);
      pen.lineTo(x + half, 1);
      pen.lineTo(x, 1 + 1.6 * half);
      pen.fill();
    });
    pen.globalAlpha = 1;
  }
}
