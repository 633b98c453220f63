/**
 * Counts the outcomes of cases.
 *
 * @module
 */

import { targetOf } from "./cases.ts";
import type { Outcome } from "./outcome.ts";
import type { Ran } from "./run.ts";

/** How often a fault was found, and the first case that shows it. */
export interface Finding {
  count: number;
  readonly first: Ran;
}

/** The outcomes of many cases. */
export class Tally {
  /** Number of cases by reader and outcome. */
  readonly counts: Map<string, Record<Outcome, number>> = new Map();
  /** Faults; those that differ only in numbers and quoted texts count as one. */
  readonly faults: Map<string, Finding> = new Map();
  cases = 0;

  /** Counts a case. Returns whether it showed a new fault. */
  add(ran: Ran): boolean {
    this.cases++;
    const { name } = targetOf(ran.number);
    const counts = this.counts.get(name) ?? { read: 0, refused: 0, fault: 0 };
    this.counts.set(name, counts);
    counts[ran.outcome]++;
    if (ran.outcome !== "fault") return false;

    const kind = `${name} ${ran.reason?.replace(/\d+|\\?"[^"]*"/g, "…").slice(0, 60)}`;
    const known = this.faults.get(kind);
    if (known) known.count++;
    else this.faults.set(kind, { count: 1, first: ran });
    return !known;
  }

  /** The counts as a table. */
  table(): string {
    const rows = [...this.counts].map(([name, { read, refused, fault }]) => [name, read, refused, fault]);
    const sum = (column: number) => rows.reduce((total, row) => total + Number(row[column]), 0);
    return [["reader", "read", "refused", "fault"], ...rows, ["all", sum(1), sum(2), sum(3)]]
      .map(([name, ...columns]) => `${name}`.padEnd(22) + columns.map((column) => `${column}`.padStart(9)).join(""))
      .join("\n");
  }
}
