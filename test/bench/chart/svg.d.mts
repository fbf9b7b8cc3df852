export interface Bar {
  title: string;
  look: string;
  /** 1 is bare mqtt.js. */
  value: number;
  text: string;
}
export interface Chart {
  title: string;
  subtitle: string;
  footnote: string;
  unit: (value: number) => string;
  groups: { title: string; about: string; bars: Bar[] }[];
}
export function chooseStep(most: number): number;
export function drawBars(chart: Chart): string;
