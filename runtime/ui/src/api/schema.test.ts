import { readFileSync } from "node:fs";
import openapiTS, { COMMENT_HEADER, astToString } from "openapi-typescript";
import { expect, test } from "vitest";

test("the client's types are those of the OpenAPI document", async () => {
  const read = (file: string) => readFileSync(new URL(file, import.meta.url), "utf8");
  const document = JSON.parse(read("../../../schemas/api.json"));
  const fresh = COMMENT_HEADER + astToString(await openapiTS(document));
  expect(read("schema.ts") === fresh, "src/api/schema.ts is stale: run `npm run api`").toBe(true);
}, 30_000);
