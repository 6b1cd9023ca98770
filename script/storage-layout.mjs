#!/usr/bin/env node
// Writes from forge's artifacts what an upgrade must be looked at for:
//   contracts/snapshots/StorageLayout.json   where each contract keeps its state
//   contracts/snapshots/CodeSize.json        bytes of deployed code; the limit is 24,576 (EIP-170)
// With --check it writes nothing and fails if a file is stale.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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

function fail(reason) {
  console.error(`storage-layout: ${reason}`);
  process.exit(1);
}

function artifact(name) {
  const path = join(root, "contracts", "out", `${name}.sol`, `${name}.json`);
  if (!existsSync(path)) fail(`${path} is missing: build the contracts first`);
  const content = JSON.parse(readFileSync(path, "utf8"));
  if (!content.storageLayout) fail(`${path} has no storage layout: build with the repository's foundry.toml`);
  return content;
}

// One line for a variable, and one for each member of a struct that it is or maps to.
function lines(types, { label, slot, offset, type }, prefix = "", base = 0) {
  const name = prefix + label;
  const at = base + Number(slot);
  const line = `slot ${at}, byte ${offset}: ${types[type].label} ${name}`;
  let inner = types[type];
  let path = name;
  while (inner.value) {
    inner = types[inner.value];
    path += "[]";
  }
  // What a mapping leads to has slots of its own.
  const start = path === name ? at : 0;
  const members = inner.members ?? [];
  return [line, ...members.flatMap((member) => lines(types, member, `${path}.`, start))];
}

function layout({ storageLayout: { storage, types } }) {
  return storage.flatMap((variable) => lines(types, variable));
}

function codeSize({ deployedBytecode: { object } }) {
  return (object.length - 2) / 2;
}

function snapshot(file, measure) {
  const path = join(root, "contracts", "snapshots", file);
  const content = Object.fromEntries(CONTRACTS.map((name) => [name, measure(artifact(name))]));
  const text = `${JSON.stringify(content, null, 2)}\n`;
  if (!process.argv.includes("--check")) {
    writeFileSync(path, text);
  } else if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
    fail(`${path} is stale: run \`make snapshots\` and look at the difference`);
  }
}

snapshot("StorageLayout.json", layout);
snapshot("CodeSize.json", codeSize);
