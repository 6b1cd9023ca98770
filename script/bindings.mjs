#!/usr/bin/env node
// Writes bindings/abi/<Name>.json from forge's artifacts. With --check it writes nothing and fails if a file is stale.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const CONTRACTS = [
  "Bridge",
  "CanonicalTransactionChain",
  "FeeVault",
  "L1Info",
  "Outbox",
  "StateCommitmentChain",
];

const root = fileURLToPath(new URL("..", import.meta.url));
const artifacts = resolve(root, process.env.FOUNDRY_OUT ?? "contracts/out");
const abis = join(root, "bindings", "abi");

function fail(reason) {
  console.error(`bindings: ${reason}`);
  process.exit(1);
}

function binding(name) {
  const path = join(artifacts, `${name}.sol`, `${name}.json`);
  if (!existsSync(path)) fail(`${path} is missing: build the contracts first`);
  const { abi, bytecode, deployedBytecode } = JSON.parse(readFileSync(path, "utf8"));
  const code = { bytecode: bytecode?.object, deployedBytecode: deployedBytecode?.object };
  for (const [kind, object] of Object.entries(code)) {
    if (!/^0x[0-9a-f]*$/.test(object)) fail(`${path} has no usable ${kind}: forge build --force`);
  }
  // One ABI item a line, so that a change of the interface reads well in a diff.
  const items = abi.map((item) => `    ${JSON.stringify(item)}`).join(",\n");
  return [
    "{",
    `  "abi": [\n${items}\n  ],`,
    `  "bytecode": ${JSON.stringify(code.bytecode)},`,
    `  "deployedBytecode": ${JSON.stringify(code.deployedBytecode)}`,
    "}\n",
  ].join("\n");
}

const unknown = process.argv.slice(2).filter((argument) => argument !== "--check");
if (unknown.length > 0) fail(`unknown argument ${unknown[0]}; usage: bindings.mjs [--check]`);
const check = process.argv.includes("--check");

mkdirSync(abis, { recursive: true });
const stale = CONTRACTS.filter((name) => {
  const path = join(abis, `${name}.json`);
  const expected = binding(name);
  if (existsSync(path) && readFileSync(path, "utf8") === expected) return false;
  if (!check) writeFileSync(path, expected);
  return true;
});
if (check && stale.length > 0) fail(`${stale.join(", ")} stale: run node script/bindings.mjs`);
