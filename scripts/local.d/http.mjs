// Reads the HTTP endpoints of Pollbus processes.

import { get } from 'node:http';

const pageTimeoutMs = 2_000;

// The body of a page that was answered with status 200; undefined otherwise.
export function page({ host = '127.0.0.1', port }, path) {
  return new Promise((resolve) => {
    const request = get({ host, port, path, timeout: pageTimeoutMs }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => (body += chunk));
      answer.on('end', () => resolve(answer.statusCode === 200 ? body : undefined));
      answer.on('error', () => resolve(undefined));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(undefined));
  });
}

export const isReady = async (address) => (await page(address, '/readyz')) !== undefined;

// The sum of a counter over all its labels. `text` is in the Prometheus text format. Returns
// undefined when the text does not contain the counter.
export function countInMetrics(text, name) {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  if (lines.length === 0) return undefined;
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}
