import { en } from './messages/en';

export type Language = 'en' | 'it';

const KEPT = 'distributor.language';

function chosen(): Language {
  const kept = localStorage.getItem(KEPT) ?? navigator.language;
  return kept.startsWith('it') ? 'it' : 'en';
}

export const language: Language = chosen();

/** Dates and numbers as the browser's own country writes them, where it speaks this language. */
export const locale = navigator.language.startsWith(language) ? navigator.language : language;

export const text: typeof en = language === 'it' ? (await import('./messages/it')).it : en;

document.documentElement.lang = language;

export function setLanguage(wanted: Language): void {
  localStorage.setItem(KEPT, wanted);
  location.reload();
}
