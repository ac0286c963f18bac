/** Tables of the old iptables, which nf_tables does not show, in the namespace that we run in. */
import { readText } from "../kernel/files.ts";

export type IpFamily = "ip" | "ip6";

/** Whether the kernel has this table of the old iptables, whatever the program `iptables` is now. */
export function hasLegacyTable(family: IpFamily, table: string): boolean {
  const names = readText(`/proc/self/net/${family}_tables_names`) ?? "";
  return names.split("\n").includes(table);
}

/** The families that have it. Nobody need load what runs the program where there are none. */
export function legacyFamilies(table: string): IpFamily[] {
  return (["ip", "ip6"] as const).filter((family) => hasLegacyTable(family, table));
}
