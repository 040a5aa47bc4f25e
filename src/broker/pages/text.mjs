// Bytes, times and durations as texts. Pure functions.

export const shortName = (name) => name.slice(name.lastIndexOf('/') + 1);

const number = new Intl.NumberFormat('en');
export const count = (value) => number.format(value ?? 0);

export function many(value, singular, plural = `${singular}s`) {
  return `${count(value)} ${Number(value) === 1 ? singular : plural}`;
}

const units = [[86_400, 'd'], [3_600, 'h'], [60, 'min'], [1, 's']];

// 93784 -> "1 d 2 h"; 0.4 -> "0 s"
export function duration(seconds) {
  let rest = Math.max(0, Math.floor(seconds));
  const parts = [];
  for (const [size, unit] of units) {
    const whole = Math.floor(rest / size);
    if (whole > 0) parts.push(`${whole} ${unit}`);
    rest -= whole * size;
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}

// "600s" of the API -> "10 min"
export const durationOf = (text) => (text === undefined ? undefined : duration(Number.parseFloat(text)));

export function time(value) {
  const date = new Date(value);
  const pad = (part, size = 2) => String(part).padStart(size, '0');
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ` +
    `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
}

export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

export function base64Of(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return btoa(text);
}

// The text, or undefined for what is not text: not UTF-8, or with control characters. If `isCut`, the
// last character may be incomplete.
export function textOf(bytes, isCut = false) {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: isCut });
    return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

// Sixteen bytes a line, with their offset and what is printable.
export function hexOf(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const print = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(47)}  ${print}`);
  }
  return lines.join('\n');
}

// "key=value" lines as an object. Throws an error that names the line.
export function attributesOf(text) {
  const attributes = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const equals = line.indexOf('=');
    if (equals < 1) throw new Error(`Attributes: line ${i + 1} must be key=value.`);
    attributes.push([line.slice(0, equals).trim(), line.slice(equals + 1).trim()]);
  }
  return Object.fromEntries(attributes);
}
