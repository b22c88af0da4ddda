// The colours of the style sheet, for canvas.

export interface Ink {
  ink: string;
  soft: string;
  hair: string;
  kon: string;
  shu: string;
  asagi: string;
  fuji: string;
  wash: string;
  band: string;
  font: string;
}

export function readInk(): Ink {
  const style = getComputedStyle(document.documentElement);
  const v = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: v("ink"),
    soft: v("soft"),
    hair: v("hair"),
    kon: v("kon"),
    shu: v("shu"),
    asagi: v("asagi"),
    fuji: v("fuji"),
    wash: v("shu-wash"),
    band: v("band"),
    font: '11px "Kizashi Sans", system-ui, sans-serif',
  };
}
