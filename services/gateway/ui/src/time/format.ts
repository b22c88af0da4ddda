// Times in the person's own zone and language.
import { lang } from "../state/prefs";

/** Made for the process's zone; the painter empties it when it draws for another. */
export const formats = new Map<string, Intl.DateTimeFormat>();

function format(kind: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${lang.value}.${kind}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(lang.value === "ja" ? "ja-JP" : "en-GB", options);
    formats.set(key, found);
  }
  return found;
}

export const clock = (ms: number): string =>
  format("clock", { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false }).format(ms);

export const dayClock = (ms: number): string =>
  format("day", { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false }).format(ms);

export const weekday = (ms: number): string =>
  format("weekday", { weekday: "short", day: "numeric", month: "numeric" }).format(ms);

export const full = (ms: number): string =>
  format("full", { dateStyle: "medium", timeStyle: "medium", hour12: false }).format(ms);

/** A length of time in its two largest units: 3 d 4 h, 12 min, 8.2 s. The unit signs are SI and the same in both languages. */
export function span(ms: number): string {
  const s = Math.abs(ms) / 1000;
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 60) return `${s < 10 ? Math.round(s * 10) / 10 : Math.round(s)} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

/** What a `datetime-local` field takes: local time without a zone. */
export function localInput(ms: number): string {
  const d = new Date(ms - new Date(ms).getTimezoneOffset() * 6e4);
  return d.toISOString().slice(0, 19);
}
