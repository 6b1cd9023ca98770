// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Commitment, CommitmentStatus} from "../types/Commitment.sol";
import {Output} from "../types/Output.sol";

/// @title What the L2 came to
/// @notice A tree of commitments. Anyone with a bond proposes; siblings may compete. A commitment is final when its parent is
/// final, it was not rejected, and its window has passed both in seconds and in L1 blocks: when L1 misses slots, as it
/// would under a censoring attack, the window stretches by itself.
/// @dev Optimistic: truth rests on one honest party that gets a false commitment rejected by the dispute contract in time.
interface IStateCommitmentChain {
    /// The genesis output became final, for all else to build on.
    event GenesisCommitted(bytes32 indexed id, bytes32 outputRoot);
    /// A commitment was posted.
    event CommitmentProposed(bytes32 indexed id, bytes32 indexed parent, Commitment commitment, bytes32[] checkpoints);
    /// A commitment became final; its outbox root is in the bridge.
    event CommitmentFinalized(bytes32 indexed id, uint64 indexed batchCount, Output output);
    /// A commitment was found false, or descends from one that was. `reward` went to `challenger`, the rest was burned, in wei.
    event CommitmentRejected(bytes32 indexed id, address indexed challenger, uint256 reward, uint256 burned);
    /// Bond came in for `account`, in wei.
    event BondDeposited(address indexed account, uint256 amount);
    /// Free bond of `account` was paid out, in wei.
    event BondWithdrawn(address indexed account, address indexed recipient, uint256 amount);

    /// The caller is not the dispute contract.
    error NotDisputeGame(address received, address expected);
    /// The parent is unknown or rejected.
    error ParentNotStanding(bytes32 parent, CommitmentStatus status);
    /// The parent is not final.
    error ParentNotFinal(bytes32 parent, CommitmentStatus status);
    /// The parent is not rejected.
    error ParentNotRejected(bytes32 parent, CommitmentStatus status);
    /// At least one and at most `maximum` checkpoints, one for each batch since the parent.
    error CheckpointCountOutOfRange(uint256 received, uint256 maximum);
    /// The batch at that position is another: L1 reorganised, or the claim is about another history.
    error BatchHashMismatch(bytes32 received, bytes32 expected);
    /// The same account proposed the same commitment before.
    error CommitmentAlreadyProposed(bytes32 id);
    /// The commitment is not in the state that the call needs.
    error UnexpectedCommitmentStatus(bytes32 id, CommitmentStatus received, CommitmentStatus expected);
    /// The window has not passed in L1 seconds.
    error WindowOpenInTime(uint256 received, uint256 expected);
    /// The window has not passed in L1 blocks.
    error WindowOpenInBlocks(uint256 received, uint256 expected);
    /// The window has passed, in L1 seconds and in L1 blocks: it ended then.
    error WindowPassed(uint64 time, uint64 blockNumber);
    /// Disputes about the commitment are open.
    error CommitmentChallenged(bytes32 id, uint32 challenges);
    /// The output is not the one that the commitment names.
    error OutputRootMismatch(bytes32 received, bytes32 expected);
    /// The free bond does not suffice, in wei.
    error InsufficientBond(uint256 received, uint256 expected);
    /// The recipient did not take the bond.
    error BondTransferFailed(address recipient, uint256 amount);

    /// @notice Claims what the L2 came to. By anyone; locks `BOND` of the caller's free bond, to which the sent ETH is added.
    /// @param parent The commitment to build on, standing.
    /// @param batchHash Hash of the last batch applied, so that an L1 reorg voids the claim instead of making it a lie.
    /// @param checkpoints The output root after each batch since the parent, the last being the claim itself.
    /// @return id Of the commitment.
    function propose(bytes32 parent, bytes32 batchHash, bytes32[] calldata checkpoints)
        external
        payable
        returns (bytes32 id);

    /// @notice Makes a commitment final: pushes its outbox root into the bridge and frees its bond. By anyone, when the parent
    /// is final and the window has passed in seconds and in blocks.
    /// @param commitment The commitment.
    /// @param output The output that it names.
    function finalize(Commitment calldata commitment, Output calldata output) external;

    /// @notice Keeps a commitment from being final as long as a challenge is open. Only for the dispute contract, while the
    /// commitment's window is open.
    function openChallenge(Commitment calldata commitment) external;

    /// @notice Ends a challenge that failed. Only for the dispute contract, once for each that it opened.
    function closeChallenge(bytes32 id) external;

    /// @notice Rejects a commitment. Only for the dispute contract. Half of the bond becomes `challenger`'s, half is burned.
    function reject(Commitment calldata commitment, address challenger) external;

    /// @notice Rejects a commitment whose parent is rejected. By anyone; the bond is burned whole.
    function rejectDescendant(Commitment calldata commitment) external;

    /// @notice Adds to the caller's free bond.
    function depositBond() external payable;

    /// @notice Pays out free bond of the caller.
    function withdrawBond(address recipient, uint256 amount) external;

    /// @notice Free bond of an account, in wei.
    function bondOf(address account) external view returns (uint256);

    /// @notice What an account has locked for commitments that are not decided yet, in wei.
    function lockedBondOf(address account) external view returns (uint256);

    /// @notice How far a commitment has come.
    function commitmentStatus(bytes32 id) external view returns (CommitmentStatus);

    /// @notice Batches that a commitment applies, since genesis.
    function batchCountOf(bytes32 id) external view returns (uint64);

    /// @notice Disputes about a commitment that are open, or found it false: it is final only when there are none, however long
    /// its window has passed.
    function challengesOf(bytes32 id) external view returns (uint32);

    /// @notice From which L1 time (seconds) and which L1 block a commitment's own window allows finalization. Both count.
    function finalizableAt(bytes32 id) external view returns (uint64 time, uint64 blockNumber);

    /// @notice Id of the commitment to the genesis output, final from the start.
    function genesisCommitment() external view returns (bytes32);
}
