// The commands that a document shows.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './manifests.mjs';

// The text of one section, without its heading.
function sectionOf(path, heading) {
  const sections = readFileSync(join(root, path), 'utf8').split(/^#{2,} /m);
  const found = sections.find((section) => section.startsWith(`${heading}\n`));
  if (!found) throw new Error(`${path} has no section '${heading}'`);
  return found.slice(heading.length);
}

// Every command in the code blocks of a section: what follows "$ ", with its continuation lines, which
// follow a line that ends in "\", "|", "&&" or "do".
export function commandsOf(path, heading) {
  const blocks = [...sectionOf(path, heading).matchAll(/^( *)```\n([^]*?)^ *```$/gm)];
  const commands = [];
  for (const [, indent, text] of blocks) {
    let continues = false;
    for (const line of text.split('\n').map((one) => one.slice(indent.length))) {
      if (line.startsWith('$ ')) commands.push(line.slice(2));
      else if (continues) commands[commands.length - 1] += `\n${line}`;
      else continue;
      continues = /(\\|\||&&|\bdo)$/.test(line);
    }
  }
  return commands;
}
