// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Message} from "../types/Message.sol";
import {Commitment} from "../types/Commitment.sol";
import {Output} from "../types/Output.sol";

/// Where a message stands on L1, with respect to one commitment. The words are those of viem and of arbitrum-sdk.
enum MessageStatus {
    /// The commitment is unknown or rejected: nothing to prove against.
    WaitingToProve,
    /// The commitment stands, and the message is not proven against it. If it is final, `executeMessage` does all at once.
    ReadyToProve,
    /// Proven; the commitment is in its challenge window, or waits for its parent's, or for anyone to finalize it.
    WaitingToFinalize,
    /// Proven, and the commitment is final: `finalizeMessage` can be called.
    ReadyToFinalize,
    /// Executed.
    Finalized
}

/// @title L2→L1 messages
/// @notice Anyone may prove and execute a message that is in the outbox of a final output.
/// @dev It trusts the `StateCommitmentChain` alone to say which outbox roots are final.
interface IOutboxVerifier {
    /// A message was shown to be in the outbox of a commitment that is not final yet.
    event MessageProven(uint64 indexed index, bytes32 indexed leaf, bytes32 indexed commitment);
    /// A message was executed, for ever.
    event MessageFinalized(uint64 indexed index, bytes32 indexed leaf, address indexed target);
    /// A message of a batch failed and stays claimable. `reason` is the first `MAX_REASON` bytes of what the call returned.
    event MessageFailed(uint64 indexed index, bytes32 indexed leaf, bytes reason);
    /// The outbox root of a final commitment arrived.
    event FinalRootRecorded(bytes32 indexed commitment, bytes32 outboxRoot);

    /// The message was executed before.
    error MessageAlreadyFinalized(uint64 index);
    /// The message was not proven against this commitment.
    error MessageNotProven(bytes32 leaf, bytes32 commitment);
    /// The message was proven against this commitment before.
    error MessageAlreadyProven(bytes32 leaf, bytes32 commitment);
    /// The commitment is not final.
    error CommitmentNotFinal(bytes32 commitment);
    /// The commitment cannot prove anything: it is unknown or rejected.
    error CommitmentNotStanding(bytes32 commitment);
    /// The output is not the one that the commitment names.
    error OutputRootMismatch(bytes32 received, bytes32 expected);
    /// The proof leads to another root.
    error OutboxRootMismatch(bytes32 received, bytes32 expected);
    /// The index does not fit a tree of this depth.
    error IndexOutOfTree(uint64 index, uint256 depth);
    /// The proof is longer than any tree can be deep.
    error ProofTooLong(uint256 received, uint256 maximum);
    /// Messages of a batch must be in order of their index, without repetition.
    error MessagesNotSorted(uint64 previous, uint64 received);
    /// A batch without messages.
    error NoMessages();
    /// The multiproof has siblings missing or left over.
    error ProofLengthMismatch(uint256 received, uint256 expected);
    /// The bridge calls neither itself nor its own system contracts.
    error ForbiddenTarget(address received);
    /// The transaction has too little gas left to give the message what it was promised, in gas.
    error InsufficientGas(uint256 received, uint256 expected);
    /// The message's call failed, so the claim reverts and the message stays claimable. `reason` is cut to `MAX_REASON` bytes.
    error MessageCallFailed(uint64 index, bytes reason);
    /// Only the state commitment chain may say what is final.
    error NotStateCommitmentChain(address received, address expected);
    /// No message is being executed, so there is no L2 sender.
    error NoMessageInExecution();

    /// @notice Shows that `message` is in the outbox of `commitment`, as soon as that is posted, by anyone.
    /// @dev Kept per (leaf, commitment): nobody can disturb another's proof, and proving again under another commitment
    /// resets nothing. Whether the message was executed is not asked: a claim does.
    /// @param message The message.
    /// @param commitment A standing commitment.
    /// @param output The output that it names.
    /// @param proof Siblings from the leaf up; as many as the tree is deep.
    function proveMessage(
        Message calldata message,
        Commitment calldata commitment,
        Output calldata output,
        bytes32[] calldata proof
    ) external;

    /// @notice Executes a message that was proven against `commitment`, once that is final. By anyone, without L2 data.
    /// @dev The call gets all gas but a 64th, and at least `message.gasLimit`; if it fails the claim reverts.
    function finalizeMessage(Message calldata message, bytes32 commitment) external;

    /// @notice Proves and executes at once, against a commitment that is already final.
    function executeMessage(Message calldata message, bytes32 commitment, bytes32[] calldata proof) external;

    /// @notice Executes many messages of one final commitment with one multiproof.
    /// @dev A message that was executed before is passed over; one that fails, or has a forbidden target, is reported and
    /// stays claimable. Each call gets exactly what it was promised; if the gas left does not cover that, all reverts.
    /// @param messages In order of their index.
    /// @param commitment A final commitment.
    /// @param depth Depth of its outbox tree.
    /// @param proof The siblings that the messages do not give, level by level from the leaves, left to right.
    /// @return executed Which messages were executed by this call.
    function executeMessages(Message[] calldata messages, bytes32 commitment, uint256 depth, bytes32[] calldata proof)
        external
        returns (bool[] memory executed);

    /// @notice Records the outbox root of a final commitment. Only for the state commitment chain.
    function recordFinalRoot(bytes32 commitment, bytes32 outboxRoot) external;

    /// @notice Who sent the message that is being executed, on L2. Reverts outside of an execution.
    /// @dev Survives nesting: while a target executes another message it is that message's sender, and afterwards again
    /// this one's.
    function l2Sender() external view returns (address);

    /// @notice Where a message stands with respect to a commitment.
    /// @return status Its status.
    /// @return readyTime L1 time, in seconds, from which the commitment's own window allows finalization; 0 if it does not
    /// stand.
    /// @return readyBlock L1 block number likewise: both must be reached, and the parents be final.
    function messageStatus(Message calldata message, bytes32 commitment)
        external
        view
        returns (MessageStatus status, uint64 readyTime, uint64 readyBlock);

    /// @notice Whether the message at this index of the outbox was executed.
    function isFinalized(uint64 index) external view returns (bool);

    /// @notice Whether this leaf was proven against this commitment.
    function isProven(bytes32 leaf, bytes32 commitment) external view returns (bool);

    /// @notice The outbox root of a final commitment; zero if it is not final, or final with an empty outbox.
    function finalRoot(bytes32 commitment) external view returns (bytes32);
}
