// Reads Markdown documents: their links, anchors, and the commands that they show.

const fence = /^\s*(```|~~~)\s*(\S*)/;

// Splits a document into lines, each with whether it is inside a code block: { text, number, block }.
// `block` is undefined outside; inside it is the block's { language, lines }.
export function linesOf(document) {
  let block;
  return document.split('\n').flatMap((text, i) => {
    const [, mark, language] = text.match(fence) ?? [];
    if (mark && !block) {
      block = { mark, language, lines: [] };
      return [];
    }
    if (mark && mark === block.mark) {
      block = undefined;
      return [];
    }
    const line = { text, number: i + 1, block };
    block?.lines.push(line);
    return [line];
  });
}

const withoutCode = (text) => text.replace(/`[^`]*`/g, '');

// The targets of all links and pictures: [{ target, number }].
export function linksIn(document) {
  return linesOf(document)
    .filter(({ block }) => !block)
    .flatMap(({ text, number }) =>
      [...withoutCode(text).matchAll(/\]\(([^()\s]+)(?:\s+"[^"]*")?\)/g)].map(([, target]) => ({ target, number })),
    );
}

// The anchors of a document's headings, as GitHub makes them.
export function anchorsIn(document) {
  const anchors = new Set();
  for (const { text } of linesOf(document).filter(({ block }) => !block)) {
    const [, heading] = text.match(/^#+\s+(.*?)\s*#*$/) ?? [];
    if (heading === undefined) continue;
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
    let unique = anchor;
    for (let i = 1; anchors.has(unique); i++) unique = `${anchor}-${i}`;
    anchors.add(unique);
  }
  return anchors;
}

// The code spans outside of code blocks: [{ code, number }].
export function codeSpansIn(document) {
  return linesOf(document)
    .filter(({ block }) => !block)
    .flatMap(({ text, number }) => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => ({ code, number })));
}

// The shell text in code blocks: [{ code, number }]. In a block with prompts, only lines with a prompt
// and those that continue them are commands. Blocks in other languages are left out.
export function shellTextIn(document) {
  const blocks = new Set(linesOf(document).flatMap(({ block }) => (block ? [block] : [])));
  return [...blocks].filter(({ language }) => ['', 'sh', 'bash', 'console'].includes(language)).flatMap(commandLines);
}

const prompt = /^\s*\$ /;

function commandLines({ language, lines }) {
  const hasPrompts = lines.some(({ text }) => prompt.test(text));
  const commands = [];
  let open = false;
  for (const { text, number } of lines) {
    const code = text.replace(prompt, '');
    if (open) {
      commands.at(-1).code += `\n${code}`;
    } else if (!hasPrompts || prompt.test(text)) {
      commands.push({ code, number, isShell: hasPrompts || language !== '' });
    } else {
      continue;
    }
    open = isIncomplete(commands.at(-1).code);
  }
  return commands;
}

// Whether a shell would read on: after a backslash, or within quotes or parentheses.
function isIncomplete(code) {
  const rest = code.replace(/\\[^\n]/g, '').replace(/'[^']*'/g, '').replace(/"[^"]*"/g, '');
  const count = (character) => rest.split(character).length - 1;
  return rest.endsWith('\\') || /['"]/.test(rest) || count('(') > count(')');
}

const operator = /^(\|\||&&|;;|[|&;\n])/;
const keywords = new Set(['if', 'then', 'else', 'elif', 'fi', 'for', 'while', 'until', 'do', 'done', 'in', '{', '}', '!']);

// Splits shell text into simple commands, each a list of words without variable assignments and
// redirections. Substituted commands are listed, too.
export function simpleCommands(code) {
  const commands = [];
  let words = [];
  const finish = () => {
    if (words.length > 0) commands.push(words);
    words = [];
  };
  let rest = code.replaceAll('\\\n', ' ');
  while (rest !== '') {
    const [space] = rest.match(/^[ \t]+/) ?? [''];
    rest = rest.slice(space.length);
    const [found] = rest.match(operator) ?? [];
    if (found) {
      finish();
      rest = rest.slice(found.length);
    } else if (rest.startsWith('#')) {
      rest = rest.replace(/^[^\n]*/, '');
    } else if (rest !== '') {
      const word = wordAt(rest);
      rest = rest.slice(word.length);
      for (const [, inner] of word.matchAll(/\$\(([^()]*)\)/g)) commands.push(...simpleCommands(inner));
      const redirection = word.match(/^\d?(>>?|<<?<?|>&)/);
      if (redirection) {
        if (redirection[0] === word) rest = rest.replace(/^[ \t]*\S+/, '');
      } else if (words.length > 0 || !(keywords.has(word) || /^\w+=/.test(word))) {
        words.push(word.replace(/^(['"])(.*)\1$/s, '$2'));
      } else if (word === 'for') {
        // The words of a loop are no command.
        rest = rest.replace(/^[^;\n]*/, '');
      }
    }
  }
  finish();
  return commands;
}

// The word at the start of the text; quotes and command substitutions belong to it.
function wordAt(text) {
  const part = /^(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|\$\((?:[^()]|\([^()]*\))*\)|[^\s|&;'"\\$#]|\$|(?<=\S)#)/s;
  let length = 0;
  while (length < text.length) {
    // An ampersand in a redirection such as 2>&1 does not end the word.
    const [piece] = text.slice(length).match(part) ?? text.slice(0, length + 1).match(/[<>]&$/) ?? [];
    if (piece === undefined || piece === '') break;
    length += piece.startsWith('>&') || piece.startsWith('<&') ? 1 : piece.length;
  }
  return text.slice(0, Math.max(1, length));
}
