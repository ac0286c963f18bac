/** Puts a started engine into its executable: `native/engine/freeze.h` says why, and how it works. */
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const machines: Record<string, string> = { x64: "x86_64", arm64: "aarch64", riscv64: "riscv64" };

/**
 * The command in front of a program that is built for `target`, such as `x86_64-linux-gnu`, to run it here:
 * none, or the emulator of Debian's qemu-user-static. Undefined where it is not installed.
 */
export function runnerOf(target: string): string[] | undefined {
  const [processor] = target.split("-");
  if (processor === machines[process.arch]) return [];
  const emulators = [`qemu-${processor}-static`, `qemu-${processor}`];
  const installed = emulators.find((name) => spawnSync(name, ["--version"]).status === 0);
  return installed === undefined ? undefined : [installed];
}

/**
 * Makes `executable` of `unfrozen`, with the modules loaded.
 * @param runner from {@link runnerOf}
 * @param directory where their bytecode is
 * @throws where it does not run, or is short of memory for what it loads (the heap's first region)
 */
export function freeze(
  runner: readonly string[],
  unfrozen: string,
  executable: string,
  directory: string,
  modules: readonly string[],
): void {
  const path = `${unfrozen}.image`;
  const command = [...runner, unfrozen, "--freeze", path, directory, ...modules];
  const [program = "", ...args] = command;
  const run = spawnSync(program, args, { encoding: "utf8" });
  if (run.status !== 0) {
    throw new Error(`Cannot freeze ${executable}: ${run.stdout}${run.stderr}${run.error ?? ""}`);
  }
  const image = readFileSync(path);
  const frozen = withImage(readFileSync(unfrozen), image, Number(run.stdout));
  const temporary = `${executable}.new`;
  writeFileSync(temporary, frozen);
  chmodSync(temporary, 0o755);
  renameSync(temporary, executable);
  console.log(`Frozen: ${modules.join(", ")}: ${image.length >> 10} KiB`);
}

/**
 * An ELF file of 64 bits, little-endian, with an image in it: first the section "frozen", then what
 * lies at `address`, where the file has had only zeros (.bss) and so nothing at all. It grows up to
 * there, and loses what stood after that: the table of sections, which only tools read.
 */
function withImage(elf: Buffer, image: Buffer, address: number): Buffer {
  const section = sectionOf(elf, "frozen");
  const segment = segmentAt(elf, address);
  const begin = segment.offset + (address - segment.address);
  const rest = image.subarray(section.size);
  const whole = Buffer.alloc(begin + rest.length);
  elf.copy(whole, 0, 0, segment.offset + segment.fileSize);
  image.copy(whole, section.offset, 0, section.size);
  rest.copy(whole, begin);
  whole.writeBigUInt64LE(BigInt(whole.length - segment.offset), segment.header + 0x20);
  whole.writeBigUInt64LE(0n, 0x28); // e_shoff
  whole.fill(0, 0x3c, 0x40); // e_shnum, e_shstrndx
  return whole;
}

/** The loaded segment that has an address, and where its header is. */
function segmentAt(elf: Buffer, address: number) {
  const headers = Number(elf.readBigUInt64LE(0x20));
  const entrySize = elf.readUInt16LE(0x36);
  const count = elf.readUInt16LE(0x38);
  for (let i = 0; i < count; i++) {
    const header = headers + i * entrySize;
    const field = (at: number) => Number(elf.readBigUInt64LE(header + at));
    const isLoaded = elf.readUInt32LE(header) === 1;
    const found = { header, offset: field(0x08), address: field(0x10), fileSize: field(0x20) };
    const end = found.address + field(0x28);
    if (isLoaded && address >= found.address && address < end) return found;
  }
  throw new Error(`Cannot freeze: no segment has address ${address}`);
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
