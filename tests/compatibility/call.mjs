// Calls Merge's client, unmodified, as told on standard input: a line of JSON for each call, and one for each answer.
import { createInterface } from "node:readline";
import { MergeClient } from "@mergeapi/merge-node-client";

const { BASE_URL, API_KEY, ACCOUNT_TOKEN } = process.env;
const client = new MergeClient({ environment: BASE_URL, apiKey: API_KEY, accountToken: ACCOUNT_TOKEN, maxRetries: 0 });

// The client takes times as objects, which JSON does not have.
const revive = (key, value) => (/At$/.test(key) && typeof value === "string" ? new Date(value) : value);

async function answer({ resource, method, args }) {
  if (!client.ats[resource]?.[method]) return { absent: true };
  try {
    const result = await client.ats[resource][method](...args);
    return { result: (result?.rawResponse ? result.response : result) ?? null }; // of a page, what was answered
  } catch (error) {
    return { status: error.statusCode ?? null, body: error.body ?? String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line, revive))));
}
