import type { DlqSummary } from './summarize.js';
export function summaryText(summary: DlqSummary, topic: string | undefined): string {
  return JSON.stringify(summary, null, 1) + String(topic);
}
