/** The program of heartbeat_worker.ts. */
export const PROGRAM: string;
