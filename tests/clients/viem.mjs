// What a user of viem does on L2. Usage: node viem.mjs URL PRIVATE_KEY GATE_BYTECODE RECIPIENT OUTBOX
import assert from "node:assert/strict";
import { createPublicClient, createWalletClient, defineChain, http, parseAbi, parseEther } from "viem";
import { privateKeyToAccount } from "viem/accounts";

const [url, key, bytecode, recipient, outbox] = process.argv.slice(2);
const transport = http(url, { retryCount: 0 });
const id = await createPublicClient({ transport }).getChainId();
const chain = defineChain({
  id,
  name: "L2",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [url] } },
});
const reader = createPublicClient({ chain, transport, pollingInterval: 100 });
const account = privateKeyToAccount(key);
const wallet = createWalletClient({ account, chain, transport });
const mined = (hash) => reader.waitForTransactionReceipt({ hash });

// A transfer, in the style of each fee market.
for (const type of ["legacy", "eip1559"]) {
  const receipt = await mined(await wallet.sendTransaction({ to: recipient, value: parseEther("1"), type }));
  assert.equal(receipt.status, "success");
  assert.equal(receipt.type, type);
  assert.equal(receipt.gasUsed, 21_000n);
  const block = await reader.getBlock({ blockNumber: receipt.blockNumber, includeTransactions: true });
  assert.equal(block.hash, receipt.blockHash);
  const found = block.transactions.find(({ hash }) => hash === receipt.transactionHash);
  assert.equal(found.from, account.address.toLowerCase());
}
assert.equal(await reader.getBalance({ address: recipient }), parseEther("2"));

// A contract: deployed, called, refusing with a reason.
const gate = { abi: parseAbi(["error Closed()", "function calls() view returns (uint256)", "function setOpen(bool)"]) };
gate.address = (await mined(await wallet.deployContract({ ...gate, bytecode }))).contractAddress;
const knock = { to: gate.address, value: 1n };
await assert.rejects(reader.estimateGas({ account, ...knock }), { name: "EstimateGasExecutionError" });
await mined(await wallet.writeContract({ ...gate, functionName: "setOpen", args: [true] }));
await mined(await wallet.sendTransaction(knock));
assert.equal(await reader.readContract({ ...gate, functionName: "calls" }), 1n);
const proof = await reader.getProof({ address: gate.address, storageKeys: [`0x${"0".repeat(64)}`] });
assert.equal(proof.storageProof[0].value, 1n);

// A withdrawal, found again by its log.
const messenger = {
  address: outbox,
  abi: parseAbi([
    "function send(address target, uint64 gasLimit, bytes data) payable returns (uint64 index)",
    "event MessageSent(uint64 indexed index, address indexed sender, address indexed target, uint256 value, uint64 gasLimit, bytes data)",
  ]),
};
const { request } = await reader.simulateContract({ account, ...messenger, functionName: "send", args: [recipient, 0n, "0x"], value: 5n });
const receipt = await mined(await wallet.writeContract(request));
const [log] = await reader.getContractEvents({ ...messenger, eventName: "MessageSent", args: { index: 0n }, fromBlock: 0n });
assert.equal(log.transactionHash, receipt.transactionHash);
assert.deepEqual([log.args.sender, log.args.target, log.args.value], [account.address, recipient, 5n]);

// Refused before it costs anything.
await assert.rejects(wallet.sendTransaction({ to: recipient, value: parseEther("1000") }), { name: "TransactionExecutionError" });
