import type { Stage } from './stage.js';

/** An incident as the document tells it. */
export interface Incident {
  /** What it is called, without its number. */
  readonly title: string;
  /** What one sees first: for the table at the top. */
  readonly signs: readonly string[];
  /** Plays it on real servers and writes its part of the document, from **At stake** on; throws where it went otherwise. */
  readonly play: (stage: Stage) => Promise<string>;
}
