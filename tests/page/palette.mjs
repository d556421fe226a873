// Writes a picture with 256 colours, a third of its size: the most frequent ones, and for each other the nearest of them.
// Argument: a PNG of Chromium, which is replaced.

import { readFileSync, writeFileSync } from "node:fs";
import { deflateSync, inflateSync } from "node:zlib";

const [, , path] = process.argv;
const file = readFileSync(path);
const [width, height, kind] = [file.readUInt32BE(16), file.readUInt32BE(20), file[25]];
const channels = { 2: 3, 6: 4 }[kind];
if (file[24] !== 8 || !channels) throw new Error(`${path}: not a PNG of 8-bit colours`);

/** Contents of the chunks of a type. */
function chunks(type) {
  const found = [];
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at)) {
    if (file.toString("latin1", at + 4, at + 8) === type) found.push(file.subarray(at + 8, at + 8 + file.readUInt32BE(at)));
  }
  return Buffer.concat(found);
}

/** Pixels without the filters of their rows. */
function pixels() {
  const [raw, stride] = [inflateSync(chunks("IDAT")), width * channels];
  const out = Buffer.alloc(height * stride);
  for (let row = 0; row < height; row++) {
    const filter = raw[row * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const left = x < channels ? 0 : out[row * stride + x - channels];
      const up = row === 0 ? 0 : out[(row - 1) * stride + x];
      const corner = row === 0 || x < channels ? 0 : out[(row - 1) * stride + x - channels];
      const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
      const paeth = a <= b && a <= c ? left : b <= c ? up : corner;
      out[row * stride + x] = raw[row * (stride + 1) + 1 + x] + [0, left, up, (left + up) >> 1, paeth][filter];
    }
  }
  return out;
}

const image = pixels();
const colours = new Uint32Array(width * height).map((_, at) => (image[at * channels] << 16) | (image[at * channels + 1] << 8) | image[at * channels + 2]);
const counts = new Map();
for (const colour of colours) counts.set(colour, (counts.get(colour) ?? 0) + 1);
const palette = [...counts].sort(([, one], [, other]) => other - one).slice(0, 256).map(([colour]) => colour);
const parts = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];
const distance = (one, other) => parts(one).reduce((sum, part, place) => sum + (part - parts(other)[place]) ** 2, 0);
const places = new Map(palette.map((colour, place) => [colour, place]));
for (const colour of counts.keys()) {
  if (!places.has(colour)) places.set(colour, palette.reduce((best, known, place) => (distance(colour, known) < distance(colour, palette[best]) ? place : best), 0));
}
const rows = Buffer.alloc(height * (width + 1));
colours.forEach((colour, at) => { rows[Math.floor(at / width) * (width + 1) + 1 + (at % width)] = places.get(colour); });

function crc32(bytes) {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return ~sum >>> 0;
}

function chunk(type, contents) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), contents]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(contents.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

const head = Buffer.from(file.subarray(16, 29));
head[9] = 3;
writeFileSync(path, Buffer.concat([
  file.subarray(0, 8), chunk("IHDR", head), chunk("PLTE", Buffer.from(palette.flatMap(parts))), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0)),
]));
