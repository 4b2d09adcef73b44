import type { Results } from './results.js';
export function drawAll(_results: Results, _folder: string): Promise<void> {
  return Promise.resolve();
}
