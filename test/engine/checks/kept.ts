/**
 * What a module has made when it was evaluated, used afterwards. In an executable that is frozen the one was
 * when it was built and the other is when it is called.
 */
import { addon, check } from "./check.ts";

// Of many lengths, for some leave room behind them that could be written to.
const texts = Array.from({ length: 20 }, (_, i) => "é-".repeat(i + 3));
const pair = [
  { name: "one", value: 1 },
  { name: "two", value: 2 },
] as [Record<string, unknown>, Record<string, unknown>];
const list = [1, 2, 3];
const map = new Map<unknown, unknown>([
  ["a", 1],
  ["b", 2],
  ["c", 3],
]);
const holder: { it?: unknown; others: unknown[] } = { others: [] };
const bytes = new Uint8Array([1, 2, 3]);
const symbol = Symbol("kept");
class Kind {
  #secret = 1;
  #next(): number {
    return ++this.#secret;
  }
  next(): number {
    return this.#next();
  }
}
const instance = new Kind();
let replaced: unknown = { old: true };
let calls = 0;
const count = () => ++calls;

/** Changes all of it, and twice: a collection must find the second time what it left the first. */
export function checkKept(): void {
  for (const round of [1, 2]) {
    check(
      `texts, ${round}`,
      texts.map((text) => `${text}x`.length - text.length).join(""),
      "1".repeat(20),
    );
    check(
      `texts stay, ${round}`,
      texts.every((text, i) => text === "é-".repeat(i + 3)),
      true,
    );
    let grown = texts[5] as string;
    for (let i = 0; i < 100; i++) grown += "y";
    check(`a text grows, ${round}`, [grown.length, texts[5]?.length], [116, 16]);

    const [first, second] = pair;
    first[`added${round}`] = [round];
    check(`a property of one, ${round}`, Object.keys(second), ["name", "value"]);
    delete first.value;
    check(`without another, ${round}`, [first.value, second.value], [undefined, 2]);
    first.value = 1;

    for (let i = 0; i < 50; i++) list.push(i);
    list.splice(0, 25);
    check(`a list, ${round}`, [list.length, list[0]], [3 + 25 * round, round === 1 ? 22 : 47]);
    const seen: unknown[] = [];
    for (const [key] of map) {
      seen.push(key);
      map.delete(key);
      map.set({ key }, round);
      if (seen.length === 3) break;
    }
    check(`a map, ${round}`, [map.size, seen.length], [3, 3]);

    holder.it = { back: holder, text: `round ${round}` };
    holder.others.push({ holder });
    replaced = { before: replaced, round };
    bytes.set([round, round], 1);
    const cyclic: unknown[] = [holder, pair];
    cyclic.push(cyclic);
    addon.collect?.();
    check(
      `what is referred to, ${round}`,
      [(holder.it as { text: string }).text, holder.others.length],
      [`round ${round}`, round],
    );
    check(`what was replaced, ${round}`, (replaced as { round: number }).round, round);
    check(`bytes, ${round}`, [...bytes], [1, round, round]);
    check(`a symbol, ${round}`, { [symbol]: round }[symbol], round);
    check(`a method, ${round}`, [instance.next(), new Kind().next()], [round + 1, 2]);
    check(`a closure, ${round}`, count(), round);
  }
}
