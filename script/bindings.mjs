#!/usr/bin/env node
// Writes bindings/abi/<Name>.json from forge's artifacts. With --check it writes nothing and fails if a file is stale.
import { readArtifacts, settle } from "./artifacts.mjs";

const CODES = ["bytecode", "deployedBytecode"];

function binding(artifact) {
  // One ABI item a line, so that a change of the interface reads well in a diff.
  const items = artifact.abi.map((item) => `    ${JSON.stringify(item)}`).join(",\n");
  const codes = CODES.map((code) => `  ${JSON.stringify(code)}: ${JSON.stringify(artifact[code].object)}`);
  return `{\n  "abi": [\n${items}\n  ],\n${codes.join(",\n")}\n}\n`;
}

const artifacts = readArtifacts((artifact) => CODES.find((code) => !/^0x[0-9a-f]*$/.test(artifact[code]?.object)));
settle(artifacts.map(([name, artifact]) => [`bindings/abi/${name}.json`, binding(artifact)]));
