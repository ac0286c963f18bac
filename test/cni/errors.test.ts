import t from "tap";
import {
  CniError,
  errorCodes,
  explained,
  fromErrorJson,
  toErrorJson,
} from "../../src/cni/errors.ts";

t.test("the codes are those of the reference", async (t) => {
  t.same(errorCodes, {
    Unknown: 0,
    IncompatibleVersion: 1,
    UnsupportedField: 2,
    UnknownContainer: 3,
    InvalidEnvironmentVariables: 4,
    IOFailure: 5,
    DecodingFailure: 6,
    InvalidNetworkConfig: 7,
    InvalidNetNS: 8,
    TryAgainLater: 11,
    PluginNotAvailable: 50,
    LimitedConnectivity: 51,
    Internal: 999,
  });
});

t.test("an error has a code, a message and details", async (t) => {
  const error = new CniError("InvalidNetNS", "some message", "some details");
  t.ok(error instanceof Error);
  t.equal(error.name, "CniError");
  t.equal(error.code, 8);
  t.equal(error.msg, "some message");
  t.equal(error.details, "some details");
  t.equal(error.message, "some message; some details");
  t.equal(new CniError("Unknown", "some message").message, "some message");
});

t.test("a delegate's code may be any", async (t) => {
  const error = CniError.of(1234, "no", "luck");
  t.same([error.code, error.msg, error.details], [1234, "no", "luck"]);
  t.equal(CniError.of(0, "zero").code, 0);
});

t.test("what has no code is Internal", async (t) => {
  const typed = new CniError("IOFailure", "typed");
  t.equal(CniError.from(typed), typed);
  for (const thrown of [new TypeError("plain"), "plain"]) {
    const error = CniError.from(thrown);
    t.same([error.code, error.msg, error.details], [999, "plain", ""]);
  }
  t.equal(CniError.from(undefined).msg, "undefined");
});

t.test("the text that is printed", async (t) => {
  t.equal(
    toErrorJson(new CniError("DecodingFailure", 'a "b" <c>', "d")),
    '{\n    "code": 6,\n    "msg": "a \\"b\\" \\u003cc\\u003e",\n    "details": "d"\n}',
  );
  t.equal(toErrorJson(new Error("x")), '{\n    "code": 999,\n    "msg": "x"\n}');
  t.equal(toErrorJson(CniError.of(0, "")), '{\n    "code": 0,\n    "msg": ""\n}');
});

t.test("the text of a delegate", async (t) => {
  const error = fromErrorJson(toErrorJson(CniError.of(1234, "m", "d")));
  t.same([error.code, error.msg, error.details], [1234, "m", "d"]);
  const other = fromErrorJson('{"cniVersion":"1.0.0","Code":7,"MSG":"m","extra":[]}');
  t.same([other.code, other.msg, other.details], [7, "m", ""]);
  const empty = fromErrorJson("{}");
  t.same([empty.code, empty.msg, empty.details], [0, "", ""]);
});

t.test("text that is no error", async (t) => {
  t.throws(() => fromErrorJson("oops"), { name: "JsonError" });
  t.throws(() => fromErrorJson('{"code":1}{'), {
    message: "invalid character '{' after top-level value",
  });
  const cases = {
    "[]": "array into Go value of type types.Error",
    '{"code":-1}': "number -1 into Go struct field Error.code of type uint",
    '{"code":"1"}': "string into Go struct field Error.code of type uint",
    '{"msg":1}': "number into Go struct field Error.msg of type string",
  };
  for (const [text, why] of Object.entries(cases)) {
    t.throws(() => fromErrorJson(text), new Error(`json: cannot unmarshal ${why}`));
  }
});

t.test("an explained error keeps its code and its details", async (t) => {
  t.equal(
    explained("never said", () => 7),
    7,
  );
  const failed = (error: unknown) => {
    try {
      return explained("failed to do it", () => {
        throw error;
      });
    } catch (thrown) {
      return toErrorJson(thrown);
    }
  };
  t.same(JSON.parse(String(failed(new CniError("TryAgainLater", "why", "more")))), {
    code: 11,
    msg: "failed to do it: why",
    details: "more",
  });
  t.same(JSON.parse(String(failed(new Error("why")))), { code: 999, msg: "failed to do it: why" });
});
