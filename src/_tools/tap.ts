/**
 * Reads what a test file printed in the Test Anything Protocol.
 *
 * Counted are the file's own test points, and not the assertions inside of them: those are the
 * cases that have a name.
 */
export interface Report {
  passed: number;
  failed: number;
  /** Why each skipped case was. */
  skipped: string[];
  /** What a person needs to see of the failures. */
  failures: string;
}

/** @param status the exit status of the process that printed it; null when it was killed */
export function readTap(name: string, tap: string, status: number | null): Report {
  const report: Report = { passed: 0, failed: 0, skipped: [], failures: "" };
  let planned: number | undefined;
  let points = 0;
  let open: string[] = []; // lines since the last point: what it did, if it fails
  for (const line of tap.split("\n")) {
    open.push(line);
    const plan = /^1\.\.(\d+)/.exec(line);
    if (plan) planned = Number(plan[1]);
    const point = /^(not )?ok\b(?: \d+)?(?: - )?(.*)$/.exec(line);
    if (!point) continue;
    points++;
    const skip = /(?<!\\)# (?:SKIP|TODO)\b\s*(.*)$/i.exec(point[2] ?? "");
    if (skip) report.skipped.push(`${name}: ${(point[2] ?? "").replace(/ # /, ": ")}`);
    else if (point[1]) {
      report.failed++;
      report.failures += `${open.join("\n")}\n`;
    } else report.passed++;
    open = [];
  }
  // A file that dies, or that runs fewer cases than it has, fails even if no case of it did.
  const broken =
    planned !== points ? `planned ${planned ?? "nothing"}, ran ${points}` : `exit ${status}`;
  if (report.failed === 0 && (status !== 0 || planned !== points)) {
    report.failed++;
    report.failures += `${name}: ${broken}\n${open.slice(-40).join("\n")}\n`;
  }
  return report;
}

export function sum(reports: Report[]): Report {
  return {
    passed: reports.reduce((n, report) => n + report.passed, 0),
    failed: reports.reduce((n, report) => n + report.failed, 0),
    skipped: reports.flatMap((report) => report.skipped),
    failures: reports.map((report) => report.failures).join(""),
  };
}
