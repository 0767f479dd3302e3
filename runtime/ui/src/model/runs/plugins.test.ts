import { expect, test } from "vitest";
import type { Schemas } from "../../api/client";

type Endpoint = Schemas["Endpoint"];
import { canEnable, circuitOf, inOrder as endpointsInOrder, rateInWords } from "./endpoints";
import { advice, inOrder } from "./plugins";

test("whatever is not as it should be comes with what to do", () => {
  expect(advice({ state: "loaded", code: null })).toBeNull();
  expect(advice({ state: "refused", code: "plugin_changeable" })).toMatch(/chmod go-w.*start it again/);
  // A code that is not known here yet has advice, too.
  for (const state of ["backing_off", "quarantined", "disabled", "refused"] as const) expect(advice({ state, code: "plugin_new" })!.length).toBeGreaterThan(20);
});

test("what needs somebody stands first", () => {
  const plugins = [
    { name: "b", state: "loaded" as const },
    { name: "a", state: "disabled" as const },
    { name: "z", state: "refused" as const },
    { name: "a", state: "loaded" as const },
  ];
  expect(inOrder(plugins).map((it) => `${it.name} ${it.state}`)).toEqual(["z refused", "a loaded", "b loaded", "a disabled"]);
});

const endpoint = (name: string, circuit: Endpoint["circuit"], failures = 0): Endpoint => ({ endpoint: name, circuit, failures, last_failure: null, called_again_in_ms: null, calls: 0, waiting: 0, calls_max: 100, waiting_max: 400, rate_max: null });

test("an endpoint that is not called, or fails, stands first and can be enabled", () => {
  const list = [endpoint("a:1", "closed"), endpoint("b:1", "closed", 2), endpoint("c:1", "open", 10), endpoint("d:1", "disabled")];
  expect(endpointsInOrder(list).map((it) => it.endpoint)).toEqual(["d:1", "c:1", "b:1", "a:1"]);
  expect(list.map(canEnable)).toEqual([false, true, true, true]);
  expect(list.map((it) => circuitOf(it).name)).toEqual(["Called", "Failing", "Paused", "Disabled"]);
  expect([rateInWords(null), rateInWords(5)]).toEqual(["None", "5 a second"]);
});
