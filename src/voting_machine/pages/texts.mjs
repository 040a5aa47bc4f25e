// The texts of the page in the voter's language.

const catalogues = new Map();
let texts = {};

// Loads a language once. The page is not drawn before its texts are there.
export async function useLanguage(tag) {
  if (!catalogues.has(tag)) {
    const response = await fetch(`/languages/${tag}.json`);
    if (!response.ok) throw new Error(`language ${tag}: ${response.status}`);
    catalogues.set(tag, await response.json());
  }
  texts = catalogues.get(tag);
}

// The text of a key with each {name} replaced.
export function t(key, values = {}) {
  const text = texts[key] ?? key;
  return text.replaceAll(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
