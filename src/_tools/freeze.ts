/** Puts a started engine into its executable: `native/engine/freeze.h` says why, and how it works. */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const machines: Record<string, string> = { x64: "x86_64", arm64: "aarch64", riscv64: "riscv64" };

/** Whether this machine runs what is built for `target`, such as `x86_64-linux-gnu`. */
export function canFreeze(target: string): boolean {
  return target.startsWith(`${machines[process.arch]}-`);
}

/**
 * Makes `executable` of `unfrozen`, with the modules loaded.
 * @param directory where their bytecode is
 * @throws where it does not run, or is short of room for what it loads
 */
export function freeze(
  unfrozen: string,
  executable: string,
  directory: string,
  modules: readonly string[],
): void {
  const image = `${unfrozen}.image`;
  const run = spawnSync(unfrozen, ["--freeze", image, directory, ...modules], { encoding: "utf8" });
  if (run.status !== 0) {
    const why = `${run.stdout}${run.stderr}${run.error ?? ""}`;
    throw new Error(`Cannot freeze ${executable} (FROZEN in the Makefile is its room): ${why}`);
  }
  const file = readFileSync(unfrozen);
  const bytes = readFileSync(image);
  const { offset, size } = sectionOf(file, "frozen");
  if (size !== bytes.length) throw new Error(`Cannot freeze ${executable}: the image does not fit`);
  bytes.copy(file, offset);
  const temporary = `${executable}.new`;
  copyFileSync(unfrozen, temporary);
  writeFileSync(temporary, file);
  chmodSync(temporary, 0o755);
  renameSync(temporary, executable);
  const used = Math.ceil(Number(run.stdout) / 1024);
  console.log(`Frozen: ${modules.join(", ")}: ${used} of ${size >> 10} KiB`);
}

/** Where a section lies in a 64-bit little-endian ELF file. */
function sectionOf(elf: Buffer, name: string): { offset: number; size: number } {
  const headers = Number(elf.readBigUInt64LE(0x28));
  const entrySize = elf.readUInt16LE(0x3a);
  const count = elf.readUInt16LE(0x3c);
  const section = (index: number) => {
    const at = headers + index * entrySize;
    return {
      name: elf.readUInt32LE(at),
      offset: Number(elf.readBigUInt64LE(at + 0x18)),
      size: Number(elf.readBigUInt64LE(at + 0x20)),
    };
  };
  const names = section(elf.readUInt16LE(0x3e)).offset;
  for (let i = 0; i < count; i++) {
    const found = section(i);
    const start = names + found.name;
    if (elf.toString("latin1", start, elf.indexOf(0, start)) === name) return found;
  }
  throw new Error(`Cannot freeze: no section "${name}" in the executable`);
}
