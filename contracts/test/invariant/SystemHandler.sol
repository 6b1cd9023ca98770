// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Commitment, CommitmentStatus} from "../../src/types/Commitment.sol";
import {Message} from "../../src/types/Message.sol";
import {Output} from "../../src/types/Output.sol";
import {ChainTest} from "../support/ChainTest.sol";
import {ReferenceTree} from "../support/ReferenceTree.sol";
import {Depositor, Gate, GasBurner, Recorder, Reentrant, ReturnBomb} from "../support/Targets.sol";
import {Words} from "../support/Words.sol";

/// @notice All that users, proposers, the dispute key and relayers do, in any order, and a ghost store of what should come of
/// it. The store learns from what the actors sent and from whether a call went through, never from the contracts' storage;
/// only which messages were executed is read there, and held against what their targets got.
/// @dev Calls that the contracts may refuse are made as such: a refusal is an ordinary outcome.
abstract contract SystemHandler is ChainTest {
    /// What the ghost store knows of a commitment.
    struct Candidate {
        Commitment commitment;
        Output output;
        /// The first so many messages are in its outbox; a forged one may follow them.
        uint256 messageCount;
        /// Place of the parent among the candidates.
        uint256 parent;
        /// Whether a message that nobody sent is last in its outbox.
        bool isForged;
        /// Whether the output is the one that the L2 came to, and the parent's too.
        bool isTrue;
        /// What the last call that went through made it.
        CommitmentStatus status;
        /// Calls that went through and made it final or rejected.
        uint256 decisions;
        uint256 proposedAt;
        uint256 proposedBlock;
        uint256 decidedAt;
        uint256 decidedBlock;
    }

    /// A message that was proven against a commitment.
    struct Proof {
        uint256 candidate;
        uint256 index;
    }

    /// How many of the latest commitments most actors care for.
    uint256 private constant LATEST = 6;
    /// How many claims a relayer tries in a row.
    uint256 private constant TRIES = 4;
    /// Too little for most claims.
    uint256 private constant LEAST_GAS = 60_000;
    /// Enough for many messages, and for the bomb of two million.
    uint256 private constant AMPLE_GAS = 10_000_000;

    /// Whom forged messages pay.
    address internal immutable THIEF = makeAddr("thief");
    /// Where forfeited bonds go.
    address internal burnAddress;

    /// Who deposits, proposes, challenges.
    address[] internal accounts;
    /// Who deposits as a contract.
    Depositor internal depositor;
    /// Whom messages call. Each gets ETH from messages alone, the bridge itself excepted.
    address[] internal targets;
    /// How many of them are there from the beginning; those after them call back, and get one message each.
    uint256 private commonTargets;
    Gate internal gate;
    /// Those that never let a message through, or not at a reasonable price.
    address[] internal hostile;
    Reentrant[] internal reentrants;

    /// ETH on L2: what came with deposits, less what left with messages.
    uint256 internal l2Supply;
    /// The outbox: every message ever sent, in order.
    Message[] internal sent;
    /// Place of the target of each among the targets.
    mapping(uint256 index => uint256) internal targetOf;
    /// Messages in the outbox after so many batches.
    mapping(uint64 batchCount => uint256) internal sentBefore;
    /// All commitments, the genesis one first.
    Candidate[] internal candidates;
    /// The one forged message of a false commitment's outbox.
    mapping(uint256 candidate => Message) internal forged;
    Proof[] internal proofs;
    /// The final commitment whose outbox is the longest.
    uint256 internal newestFinal;

    uint256 internal bondsIn;
    uint256 internal bondsOut;
    uint256 internal bondsBurned;

    /// How often the interesting things happened.
    mapping(string what => uint256) internal reached;

    function setUp() public virtual override {
        super.setUp();
        // Not the ETH that other tests begin with: here all of it must come through deposits.
        vm.deal(address(bridge), 0);
        burnAddress = stateCommitmentChain.BURN_ADDRESS();
        mine(1);

        accounts = [PROPOSER, STRANGER, makeAddr("another")];
        depositor = new Depositor(bridge);
        gate = new Gate();
        hostile = [address(new GasBurner()), address(new ReturnBomb(true)), address(new ReturnBomb(false))];
        targets = [
            address(bridge),
            makeAddr("recipient"),
            address(new Recorder(bridge)),
            address(gate),
            hostile[0],
            hostile[1],
            hostile[2]
        ];
        commonTargets = targets.length;

        Candidate storage genesis = candidates.push();
        genesis.output = makeOutput({batchCount: 0, outboxRoot: 0});
        genesis.commitment.outputRoot = genesis.output.root();
        genesis.isTrue = true;
        genesis.status = CommitmentStatus.Final;
    }

    // ---------------------------------------------------------------------------------------------- L1 to L2

    /// @dev In a block of its own, so that there is always gas to buy.
    function depositEth(uint256 account, uint256 value, uint256 gas, bool asContract) public {
        wait(12, 1);
        address sender = accounts[account % accounts.length];
        value = bound(value, 0, 100 ether);
        uint64 gasLimit = uint64(bound(gas, bridge.minimumGasLimit(0), bridge.MAX_QUEUED_GAS_LIMIT()));
        uint256 total = value + bridge.quote(gasLimit);
        vm.deal(sender, total);
        vm.prank(sender, sender);
        if (asContract) depositor.send{value: total}(sender, value, gasLimit, "");
        else bridge.sendToL2{value: total}(sender, value, gasLimit, total, "");
        // What is not minted for the sender is the fee, which is minted for the vault.
        l2Supply += total;
    }

    function append() public {
        wait(12, 1);
        appendBatch("");
        (uint64 batchCount,,,) = canonicalTransactionChain.head();
        sentBefore[batchCount] = sent.length;
    }

    // ---------------------------------------------------------------------------------------------- L2 to L1

    /// @dev Every message carries ETH, if only a wei: what its target holds then tells how often it was executed.
    function sendToL1(uint256 target, uint256 value, uint256 gasLimit, bytes32 data) public {
        if (l2Supply == 0) return;
        target %= commonTargets + 1;
        if (target == commonTargets) {
            Reentrant reentrant = new Reentrant(bridge);
            reentrants.push(reentrant);
            target = targets.length;
            targets.push(address(reentrant));
        }
        value = bound(value, 1, l2Supply / 4 + 1);
        l2Supply -= value;
        targetOf[sent.length] = target;
        sent.push(
            Message({
                index: uint64(sent.length),
                sender: L2_USER,
                target: targets[target],
                value: value,
                gasLimit: uint64(bound(gasLimit, 0, 500_000)),
                data: abi.encode(data)
            })
        );
    }

    function prove(uint256 candidate, uint256 index) public {
        candidate = chooseCandidate(candidate);
        Message[] memory outbox = outboxOf(candidate);
        for (uint256 i; i < TRIES && i < outbox.length; ++i) {
            tryToProve(candidate, outbox, addmod(index, i, outbox.length));
        }
    }

    function finalizeProven(uint256 proof, uint256 gas) public {
        for (uint256 i; i < TRIES && i < proofs.length; ++i) {
            Proof storage proven = proofs[addmod(proof, i, proofs.length)];
            Message memory message = outboxOf(proven.candidate)[proven.index];
            bytes memory claim = abi.encodeCall(bridge.finalizeMessage, (message, idOf(proven.candidate)));
            (bool success,) = claimWith(claim, gas);
            if (success) ++reached["message executed"];
        }
    }

    function execute(uint256 candidate, uint256 index, uint256 gas) public {
        candidate = chooseCandidate(candidate);
        Message[] memory outbox = outboxOf(candidate);
        for (uint256 i; i < TRIES && i < outbox.length; ++i) {
            bytes memory claim = encodeClaim(candidate, outbox, addmod(index, i, outbox.length));
            (bool success,) = claimWith(claim, gas);
            if (success) ++reached["message executed"];
        }
    }

    function executeMany(uint256 candidate, uint256 subset, uint256 gas) public {
        candidate = chooseCandidate(candidate);
        Message[] memory outbox = outboxOf(candidate);
        if (outbox.length == 0) return;
        uint256[] memory indices = chooseIndices(outbox.length, subset);
        (bool success, bytes memory returned) = claimWith(encodeBatch(candidate, outbox, indices), gas);
        if (!success) return;
        bool[] memory executed = abi.decode(returned, (bool[]));
        for (uint256 i; i < executed.length; ++i) {
            if (executed[i]) ++reached["message executed"];
            else if (bridge.isFinalized(outbox[indices[i]].index)) ++reached["message passed over in a batch"];
            else ++reached["message failed in a batch"];
        }
    }

    /// @notice The targets that call back learn what to call, and the gate's owner has moods.
    function plot(uint256 candidate, uint256 subset) public {
        gate.setOpen(!gate.open());
        candidate = chooseCandidate(candidate);
        Message[] memory outbox = outboxOf(candidate);
        if (outbox.length == 0) return;
        bytes memory claim = encodeBatch(candidate, outbox, chooseIndices(outbox.length, subset));
        for (uint256 i; i < reentrants.length; ++i) {
            reentrants[i].setCallback(claim);
        }
    }

    // ------------------------------------------------------------------------------------------- commitments

    /// @notice Anyone proposes on any parent, standing or not, what is true or what pays a thief.
    function propose(uint256 account, uint256 parent, uint256 batches, uint256 value, uint256 lie) public {
        // Every third proposal.
        bool isForged = lie % 3 == 0;
        Candidate memory candidate;
        candidate.parent = chooseCandidate(parent);
        candidate.isForged = isForged;
        candidate.isTrue = !isForged && candidates[candidate.parent].isTrue;
        candidate.status = CommitmentStatus.Proposed;

        uint64 batchCount = chooseBatch(candidates[candidate.parent].commitment.batchCount, batches);
        candidate.messageCount = sentBefore[batchCount];
        if (isForged) forged[candidates.length] = makeTheft(candidate.messageCount);
        bytes32[] memory leaves = leavesOf(makeOutbox(candidates.length, candidate.messageCount, isForged));
        candidate.output = makeOutput(batchCount, ReferenceTree.root(leaves));
        bytes32 parentId = idOf(candidate.parent);
        address proposer = accounts[account % accounts.length];
        candidate.commitment = makeCommitment(proposer, parentId, candidate.output);
        candidate.proposedAt = vm.getBlockTimestamp();
        candidate.proposedBlock = vm.getBlockNumber();

        bytes memory proposal = abi.encodeCall(
            stateCommitmentChain.propose,
            (parentId, candidate.commitment.batchHash, checkpointsOf(parentId, candidate.output))
        );
        value = bound(value, 0, 2 * BOND);
        if (!callChain(proposer, value, proposal)) return;
        bondsIn += value;
        candidates.push(candidate);
    }

    /// @notice Anyone tries to make everything final that was ever proposed.
    function finalizeAll() public {
        for (uint256 i = 1; i < candidates.length; ++i) {
            Candidate storage candidate = candidates[i];
            bytes memory call = abi.encodeCall(stateCommitmentChain.finalize, (candidate.commitment, candidate.output));
            if (!callChain(STRANGER, 0, call)) continue;
            decide(candidate, CommitmentStatus.Final);
            ++reached["commitment final"];
            if (candidate.isTrue && candidate.messageCount >= candidates[newestFinal].messageCount) newestFinal = i;
        }
    }

    /// @notice The dispute key rejects a false commitment early.
    function dispute(uint256 candidate, uint256 challenger) public {
        candidate %= candidates.length;
        // Every other time one that others were built on, which then fall too.
        if (challenger % 2 == 0) candidate = candidates[candidate].parent;
        if (!candidates[candidate].isTrue) reject(candidate, accounts[challenger % accounts.length]);
    }

    /// @notice Anyone tries to reject everything as a descendant of what was rejected.
    function rejectDescendants() public {
        for (uint256 i = 1; i < candidates.length; ++i) {
            Candidate storage descendant = candidates[i];
            bytes memory call = abi.encodeCall(stateCommitmentChain.rejectDescendant, (descendant.commitment));
            if (!callChain(STRANGER, 0, call)) continue;
            decide(descendant, CommitmentStatus.Rejected);
            bondsBurned += BOND;
            ++reached["descendant rejected"];
        }
    }

    function depositBond(uint256 account, uint256 value) public {
        value = bound(value, 0, 2 * BOND);
        bytes memory call = abi.encodeCall(stateCommitmentChain.depositBond, ());
        if (callChain(accounts[account % accounts.length], value, call)) bondsIn += value;
    }

    function withdrawBond(uint256 account, uint256 amount) public {
        address owner = accounts[account % accounts.length];
        amount = bound(amount, 0, 2 * BOND);
        bytes memory call = abi.encodeCall(stateCommitmentChain.withdrawBond, (owner, amount));
        if (!callChain(owner, 0, call)) return;
        bondsOut += amount;
        if (amount != 0) ++reached["bond withdrawn"];
    }

    /// @notice Time passes; L1 may miss slots.
    function pass(uint256 time, uint256 blocks) public {
        wait(bound(time, 0, WINDOW_SECONDS), bound(blocks, 0, WINDOW_BLOCKS));
    }

    // ---------------------------------------------------------------------------------------------- helpers

    /// @dev The assumption that optimistic finality rests on: whoever holds the dispute key rejects what is false on a true
    /// parent before its window ends, here in the last moment, and nothing that is true. What builds on something false
    /// needs no dispute.
    function wait(uint256 time, uint256 blocks) internal {
        time += vm.getBlockTimestamp();
        blocks += vm.getBlockNumber();
        for (uint256 i = 1; i < candidates.length; ++i) {
            Candidate storage candidate = candidates[i];
            if (candidate.isTrue || !candidates[candidate.parent].isTrue) continue;
            if (time < candidate.proposedAt + WINDOW_SECONDS || blocks < candidate.proposedBlock + WINDOW_BLOCKS) {
                continue;
            }
            reject(i, STRANGER);
        }
        vm.warp(time);
        vm.roll(blocks);
    }

    function reject(uint256 index, address challenger) private {
        Candidate storage candidate = candidates[index];
        bytes memory call = abi.encodeCall(stateCommitmentChain.reject, (candidate.commitment, challenger));
        if (!callChain(address(game), 0, call)) return;
        decide(candidate, CommitmentStatus.Rejected);
        // The challenger's half is the smaller one.
        bondsBurned += BOND - BOND / 2;
        ++reached["commitment rejected"];
    }

    /// @dev One of the batches after the parent's; there is always one.
    function chooseBatch(uint64 parentCount, uint256 seed) private returns (uint64) {
        (uint64 head,,,) = canonicalTransactionChain.head();
        if (head == parentCount) {
            append();
            ++head;
        }
        return uint64(bound(seed, parentCount + 1, head));
    }

    /// @dev Half of what the bridge holds, after all that was sent.
    function makeTheft(uint256 index) private view returns (Message memory) {
        // forge-lint: disable-next-line(unsafe-typecast) the number of some messages
        return makeTransfer(uint64(index), THIEF, address(bridge).balance / 2);
    }

    function decide(Candidate storage candidate, CommitmentStatus status) private {
        ++candidate.decisions;
        candidate.status = status;
        candidate.decidedAt = vm.getBlockTimestamp();
        candidate.decidedBlock = vm.getBlockNumber();
    }

    function callChain(address caller, uint256 value, bytes memory data) private returns (bool success) {
        vm.deal(caller, value);
        vm.prank(caller);
        (success,) = address(stateCommitmentChain).call{value: value}(data);
    }

    /// @dev With plenty of gas, or too little.
    function claimWith(bytes memory claim, uint256 gas) private returns (bool success, bytes memory returned) {
        (success, returned) = address(bridge).call{gas: bound(gas, LEAST_GAS, AMPLE_GAS)}(claim);
        if (!success) ++reached["claim refused"];
    }

    /// @dev The final one with the longest outbox, or one of the latest, most of which are undecided.
    function chooseCandidate(uint256 seed) private view returns (uint256) {
        return seed % 2 == 0 ? newestFinal : candidates.length - 1 - (seed / 2) % Math.min(candidates.length, LATEST);
    }

    /// @dev About half of them, at least one.
    function chooseIndices(uint256 count, uint256 seed) private pure returns (uint256[] memory) {
        uint256 bits = seed & ((1 << count) - 1);
        return Words.indicesOf(bits == 0 ? 1 << (seed % count) : bits);
    }

    function tryToProve(uint256 candidate, Message[] memory outbox, uint256 index) private {
        Candidate storage against = candidates[candidate];
        bytes memory proof = abi.encodeCall(
            bridge.proveMessage, (outbox[index], against.commitment, against.output, proofOf(outbox, index))
        );
        (bool success,) = address(bridge).call(proof);
        if (success) proofs.push(Proof(candidate, index));
    }

    function encodeClaim(uint256 candidate, Message[] memory outbox, uint256 index)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(bridge.executeMessage, (outbox[index], idOf(candidate), proofOf(outbox, index)));
    }

    function encodeBatch(uint256 candidate, Message[] memory outbox, uint256[] memory indices)
        private
        view
        returns (bytes memory)
    {
        (Message[] memory chosen, bytes32[] memory proof) = choose(outbox, indices);
        return
            abi.encodeCall(bridge.executeMessages, (chosen, idOf(candidate), ReferenceTree.depth(outbox.length), proof));
    }

    function idOf(uint256 candidate) internal view returns (bytes32) {
        return candidates[candidate].commitment.id();
    }

    /// @notice The messages in the outbox of a commitment, the forged one included.
    function outboxOf(uint256 candidate) internal view returns (Message[] memory) {
        return makeOutbox(candidate, candidates[candidate].messageCount, candidates[candidate].isForged);
    }

    function makeOutbox(uint256 candidate, uint256 messageCount, bool isForged)
        private
        view
        returns (Message[] memory outbox)
    {
        outbox = new Message[](isForged ? messageCount + 1 : messageCount);
        for (uint256 i; i < messageCount; ++i) {
            outbox[i] = sent[i];
        }
        if (isForged) outbox[messageCount] = forged[candidate];
    }
}
