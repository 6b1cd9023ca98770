#!/usr/bin/env node
// Writes from forge's artifacts what an upgrade must be looked at for:
//   contracts/snapshots/StorageLayout.json   where each contract keeps its state
//   contracts/snapshots/CodeSize.json        bytes of deployed code; the limit is 24,576 (EIP-170)
// With --check it writes nothing and fails if a file is stale.
import { readArtifacts, settle } from "./artifacts.mjs";

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

const artifacts = readArtifacts(({ storageLayout }) => (storageLayout ? undefined : "storage layout"));

function snapshot(file, measure) {
  const content = Object.fromEntries(artifacts.map(([name, artifact]) => [name, measure(artifact)]));
  return [`contracts/snapshots/${file}`, `${JSON.stringify(content, null, 2)}\n`];
}

settle([snapshot("StorageLayout.json", layout), snapshot("CodeSize.json", codeSize)]);
