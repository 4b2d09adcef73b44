import type { Run } from './run.js';
import type { Server } from './server.js';

/** A server's programs as found on this machine, or as they can be fetched. */
export interface Program {
  install(run: Run): Promise<Installed>;
}

/** A server's programs, ready to run. */
export interface Installed {
  readonly version: string;
  /** Makes new data on a new port and starts; resolves when the server answers. */
  begin(run: Run): Promise<Server>;
}
