// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICanonicalTransactionChain} from "../../src/chain/ICanonicalTransactionChain.sol";
import {Commitment} from "../../src/types/Commitment.sol";
import {Message} from "../../src/types/Message.sol";
import {Output} from "../../src/types/Output.sol";
import {GasTest} from "../support/GasTest.sol";

/// @notice What the operations cost whose price on other rollups is known: `contracts/snapshots/Peers.json`.
///
///     FORGE_SNAPSHOT_EMIT=true  forge test --isolate --match-path 'contracts/test/gas/*'    writes the file
///     FORGE_SNAPSHOT_CHECK=true forge test --isolate --match-path 'contracts/test/gas/*'    fails if a figure changed
///
/// Measured is the gas that the sender of a transaction pays for: 21,000, the calldata or its floor (EIP-7623), execution, less
/// refunds. `test_MeasuresWholeTransactions` holds forge to that. Each call is a transaction of its own from an externally
/// owned account to a proxy, all other accounts and slots being cold.
///
/// The system is in its steady state: there were messages, batches and final commitments before, so counters and hashes
/// replace what is not zero. Hashes and siblings have random bytes. ETH goes to accounts that exist. An outbox of depth 20 holds
/// 524,289 to 1,048,576 messages.
contract PeersTest is GasTest {
    address private immutable RECIPIENT = makeAddr("recipient");

    function setUp() public override {
        // Within a test's own transaction nothing is cold, and nothing is paid for calldata: such figures would mean nothing.
        assertTrue(isIsolated(), "measures whole transactions: run with --isolate");
        super.setUp();
        vm.deal(RELAYER, 1 ether);
        vm.deal(RECIPIENT, 1 ether);

        for (uint256 i; i < 3; ++i) {
            deposit(USER, 40 ether);
            appendBatches(1);
        }
        publish(keccak256("outbox"));
    }

    function test_MeasuresWholeTransactions() public {
        vm.prank(RELAYER, RELAYER);
        (bool success,) = RECIPIENT.call(hex"ff00ff");
        assertTrue(success);
        // The floor counts a zero byte as one token, another as four, at 10 gas each.
        assertEq(vm.lastCallGas().gasTotalUsed, 21_000 + 10 * 9);
    }

    /// 1 ETH to the sender's own account, a first message in its L1 block.
    function test_DepositEth() public {
        mine(1);
        uint64 gasLimit = bridge.minimumGasLimit(0);
        uint256 fee = bridge.quote(gasLimit);
        vm.deal(USER, 2 ether);
        vm.prank(USER, USER);
        bridge.sendToL2{value: 1 ether + fee}(USER, 1 ether, gasLimit, fee, "");
        record("deposit_eth", 45_000);
    }

    /// 1.2 ETH out of a final commitment; the first of its 256 neighbours in the nullifier.
    function test_ExecuteEthNewWord() public {
        (Message memory message, bytes32[] memory proof, bytes32 root) = makeWithdrawal();
        bytes32 commitment = publish(root);
        vm.prank(RELAYER, RELAYER);
        bridge.executeMessage(message, commitment, proof);
        record("execute_eth_depth20_new_word", 82_000);
    }

    /// The same, not the first.
    function test_ExecuteEthUsedWord() public {
        (Message memory message, bytes32[] memory proof, bytes32 root) = makeWithdrawal();
        bytes32 commitment = publish(root);
        useWord();
        vm.prank(RELAYER, RELAYER);
        bridge.executeMessage(message, commitment, proof);
        record("execute_eth_depth20_used_word", 65_000);
    }

    /// The same withdrawal in two steps.
    function test_ProveAndFinalize() public {
        useWord();
        (Message memory message, bytes32[] memory proof, bytes32 root) = makeWithdrawal();
        (Commitment memory commitment, Output memory output) = propose(root);
        vm.prank(RELAYER, RELAYER);
        bridge.proveMessage(message, commitment, output, proof);
        record("prove_depth20", 85_000);

        finalize(commitment, output);
        bytes32 id = commitment.id();
        vm.prank(RELAYER, RELAYER);
        bridge.finalizeMessage(message, id);
        record("finalize_proven_used_word", 62_000);
    }

    /// 32 withdrawals of ETH that follow one another, to 32 accounts.
    function test_ExecuteBatch() public {
        Message[] memory messages = new Message[](BATCH_LENGTH);
        for (uint64 i; i < BATCH_LENGTH; ++i) {
            address recipient = makeAddr(string.concat("recipient ", vm.toString(i)));
            vm.deal(recipient, 1 ether);
            messages[i] = makeTransfer(INDEX + BATCH_LENGTH + i, recipient, 1.2 ether + i);
        }
        bytes32[] memory proof = siblings(DEPTH - BATCH_HEIGHT);
        bytes32 commitment = publishDeep(messages);
        useWord();

        vm.prank(RELAYER, RELAYER);
        bool[] memory executed = bridge.executeMessages(messages, commitment, DEPTH, proof);
        recordValue("execute_batch32_per_message", vm.lastCallGas().gasTotalUsed / BATCH_LENGTH, 22_000);
        for (uint256 i; i < BATCH_LENGTH; ++i) {
            assertTrue(executed[i]);
        }
    }

    /// A batch that consumes a message. No stamp is due: one is in every `FORCE_DELAY`.
    function test_AppendBatch() public {
        (uint64 index, uint64 queueGas, uint64 origin) = makeBatch();
        bytes memory data = abi.encodePacked(siblings(3), bytes4(keccak256("data")));
        assertEq(data.length, 100);
        vm.prank(SEQUENCER, SEQUENCER);
        canonicalTransactionChain.appendBatch(index, queueGas, origin, blockhash(origin), data);
        record("append_batch_100_bytes", 82_000);
    }

    /// The same with its data in a blob. Not in the figure is the blob's own gas, 131,072, which has a market of its own.
    function test_AppendBlobBatch() public {
        (uint64 index, uint64 queueGas, uint64 origin) = makeBatch();
        bytes32[] memory versionedHashes = new bytes32[](1);
        versionedHashes[0] = bytes32(uint256(keccak256("blob")) >> 8 | 1 << 248);
        bytes memory input =
            abi.encodeCall(ICanonicalTransactionChain.appendBlobBatch, (index, queueGas, origin, blockhash(origin)));
        recordValue("append_batch_one_blob", this.gasOfSequencer(input, versionedHashes), 85_000);
    }

    function test_MeasuresBlobTransactions() public {
        (uint64 index, uint64 queueGas, uint64 origin) = makeBatch();
        bytes memory input = abi.encodeCall(
            ICanonicalTransactionChain.appendBatch, (index, queueGas, origin, blockhash(origin), "data")
        );
        uint256 beforehand = vm.snapshotState();
        uint256 computed = this.gasOfSequencer(input, new bytes32[](0));
        assertTrue(vm.revertToState(beforehand));
        vm.prank(SEQUENCER, SEQUENCER);
        (bool success,) = address(canonicalTransactionChain).call(input);
        assertTrue(success);
        assertEq(computed, vm.lastCallGas().gasTotalUsed);
    }

    /// A message waits, and the sequencer is silent. With 10,000 waiting it costs the same.
    function test_ForceInclusion() public {
        uint256 steady = vm.snapshotState();
        uint256 many = forceBacklog(10_000);
        assertTrue(vm.revertToState(steady));
        uint256 one = forceBacklog(1);
        recordValue("force_inclusion", one, 80_000);
        assertApproxEqAbs(many, one, 200, "cost of forcing 10,000 messages");
    }

    /// A commitment twelve batches on, its bond sent along, by a proposer who has made others.
    function test_ProposeTwelveCheckpoints() public {
        (Commitment memory commitment, bytes32[] memory checkpoints,) = makeProposal();
        vm.deal(PROPOSER, BOND);
        vm.prank(PROPOSER, PROPOSER);
        stateCommitmentChain.propose{value: BOND}(commitment.parent, commitment.batchHash, checkpoints);
        record("propose_12_checkpoints", 130_000);
    }

    /// Its finalization. The bond becomes free; the proposer had none free before.
    function test_FinalizeCommitment() public {
        (Commitment memory commitment, bytes32[] memory checkpoints, Output memory output) = makeProposal();
        vm.deal(PROPOSER, BOND);
        vm.prank(PROPOSER);
        stateCommitmentChain.propose{value: BOND}(commitment.parent, commitment.batchHash, checkpoints);
        uint256 free = stateCommitmentChain.bondOf(PROPOSER);
        vm.prank(PROPOSER);
        stateCommitmentChain.withdrawBond(PROPOSER, free);
        passChallengeWindow();

        vm.prank(RELAYER, RELAYER);
        stateCommitmentChain.finalize(commitment, output);
        record("finalize_commitment", 95_000);
        assertEq(stateCommitmentChain.bondOf(PROPOSER), BOND);
    }

    /// @dev Outside of isolation a call that does nothing costs nearly nothing.
    function isIsolated() private returns (bool) {
        (bool success,) = RECIPIENT.call("");
        return success && vm.lastCallGas().gasTotalUsed >= 21_000;
    }

    /// @dev A message waits for the next batch.
    function makeBatch() private returns (uint64 index, uint64 queueGas, uint64 origin) {
        appendBatches(1);
        deposit(USER, 1 ether);
        mine(1);
        (index,,,) = canonicalTransactionChain.head();
        (,, queueGas) = bridge.queue();
        origin = uint64(vm.getBlockNumber() - 1);
    }

    /// @dev What a transaction of the sequencer's to the chain costs, blobs apart. Forge cannot isolate one with blobs
    /// (foundry issue 7277), so it is a call inside of another transaction, and what comes before execution is added here.
    /// @param input Calldata above whose floor (EIP-7623) execution is.
    function gasOfSequencer(bytes calldata input, bytes32[] calldata versionedHashes) external returns (uint256 used) {
        vm.blobhashes(versionedHashes);
        // A transaction's sender is warm.
        assertEq(SEQUENCER.code.length, 0);
        vm.prank(SEQUENCER, SEQUENCER);
        (bool success,) = address(canonicalTransactionChain).call(input);
        assertTrue(success);
        used = 21_000 + vm.lastCallGas().gasTotalUsed;
        for (uint256 i; i < input.length; ++i) {
            used += input[i] == 0 ? 4 : 16;
        }
    }

    /// @dev What it costs to force so many messages, each of which was sent in an L1 block of its own.
    function forceBacklog(uint64 count) private returns (uint256) {
        appendBatches(1);
        for (uint256 i; i < count; ++i) {
            mine(1);
            deposit(USER, 1);
        }
        (, uint64 consumed,,) = canonicalTransactionChain.head();
        (,, uint64 queueGas) = bridge.queue();
        assertEq(queueGas, consumed + count * bridge.minimumGasLimit(0));
        vm.warp(Math.max(vm.getBlockTimestamp(), canonicalTransactionChain.forceableAt()));
        vm.prank(RELAYER, RELAYER);
        canonicalTransactionChain.forceInclude();
        uint256 used = vm.lastCallGas().gasTotalUsed;
        (, uint64 ordered,,) = canonicalTransactionChain.head();
        assertEq(ordered, queueGas);
        return used;
    }

    function makeWithdrawal() private view returns (Message memory message, bytes32[] memory proof, bytes32 root) {
        message = makeTransfer(INDEX + 1, RECIPIENT, 1.2 ether);
        proof = siblings(DEPTH);
        root = walk(message.leaf(), message.index, proof);
    }

    /// @dev Twelve batches after the last final commitment.
    function makeProposal()
        private
        returns (Commitment memory commitment, bytes32[] memory checkpoints, Output memory output)
    {
        uint64 batchCount = stateCommitmentChain.batchCountOf(lastFinal) + 12;
        (uint64 appended,,,) = canonicalTransactionChain.head();
        appendBatches(batchCount - appended);
        output = makeOutput(batchCount, keccak256("later outbox"));
        commitment = makeCommitment(PROPOSER, lastFinal, output);
        checkpoints = checkpointsOf(lastFinal, output);
    }
}
