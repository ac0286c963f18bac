import t from "tap";
import { describe, emptyTally, type Tally, tick } from "../../src/dhcp/tally.ts";

t.test("what was sent and what came back, in one line", async (t) => {
  let tally: Tally = emptyTally;
  t.equal(describe(tally), "sent nothing, no reply");
  tally = tick(tally, "sent", "DISCOVER");
  t.equal(describe(tally), "sent DISCOVER 1 time, no reply");
  for (let i = 0; i < 3; i++) tally = tick(tally, "sent", "DISCOVER");
  for (let i = 0; i < 2; i++) tally = tick(tally, "dropped", "wrong xid");
  t.equal(describe(tally), "sent DISCOVER 4 times, 2 replies dropped: wrong xid");
  tally = tick(tally, "received", "OFFER");
  tally = tick(tally, "sent", "REQUEST");
  tally = tick(tally, "failed", "network is down");
  tally = tick(tally, "dropped", "bad UDP checksum");
  t.equal(
    describe(tally),
    "sent DISCOVER 4 times and REQUEST 1 time, 1 send failed: network is down, received OFFER " +
      "1 time, 2 replies dropped: wrong xid, 1 reply dropped: bad UDP checksum",
  );
  t.strictSame(emptyTally, { sent: {}, received: {}, failed: {}, dropped: {} }, "is left alone");
});
