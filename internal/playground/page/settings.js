// What is kept in the browser: the language and the theme. Some browsers keep
// nothing, and say so by throwing.

export function load(name) {
  try {
    return localStorage.getItem(`vktest.${name}`) || '';
  } catch {
    return '';
  }
}

export function save(name, value) {
  try {
    localStorage.setItem(`vktest.${name}`, value);
  } catch { /* it lasts as long as the page */ }
}
