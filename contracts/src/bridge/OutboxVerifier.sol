// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Arrays} from "@openzeppelin/contracts/utils/Arrays.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {ICanonicalTransactionChain} from "../chain/ICanonicalTransactionChain.sol";
import {IStateCommitmentChain} from "../chain/IStateCommitmentChain.sol";
import {OutboxTree} from "../libraries/OutboxTree.sol";
import {PromisedCall} from "../libraries/PromisedCall.sol";
import {Commitment, CommitmentStatus} from "../types/Commitment.sol";
import {Message} from "../types/Message.sol";
import {Output} from "../types/Output.sol";
import {IOutboxVerifier, MessageStatus} from "./IOutboxVerifier.sol";

/// @title L2→L1 messages
/// @dev The bit of a message is set before its call and all through it, so nothing that the call does can execute the
/// message again. No lock is needed: a call may prove, execute and send other messages.
abstract contract OutboxVerifier is IOutboxVerifier {
    using BitMaps for BitMaps.BitMap;

    /// @notice The longest reason of a failed call that is reported, in bytes.
    uint256 public constant MAX_REASON = PromisedCall.MAX_REASON;
    /// @notice Orders L2 inputs. No message may call it.
    address public immutable CANONICAL_TRANSACTION_CHAIN;
    /// @notice Says which outbox roots are final. No message may call it.
    IStateCommitmentChain public immutable STATE_COMMITMENT_CHAIN;

    /// Outbox root of each final commitment.
    mapping(bytes32 commitment => bytes32 outboxRoot) private _finalRoots;
    /// What was proven before its commitment was final.
    mapping(bytes32 leaf => mapping(bytes32 commitment => bool)) private _proven;
    /// Messages that were executed, or are being executed, by their index. One bit for the life of the chain.
    BitMaps.BitMap private _finalized;
    /// L2 sender of the message in execution.
    address private transient _l2Sender;

    constructor(ICanonicalTransactionChain canonicalTransactionChain, IStateCommitmentChain stateCommitmentChain) {
        CANONICAL_TRANSACTION_CHAIN = address(canonicalTransactionChain);
        STATE_COMMITMENT_CHAIN = stateCommitmentChain;
    }

    /// @inheritdoc IOutboxVerifier
    function proveMessage(
        Message memory message,
        Commitment memory commitment,
        Output memory output,
        bytes32[] calldata proof
    ) external {
        bytes32 commitmentId = commitment.id();
        CommitmentStatus status = STATE_COMMITMENT_CHAIN.commitmentStatus(commitmentId);
        if (!_isStanding(status)) revert CommitmentNotStanding(commitmentId);
        bytes32 outputRoot = output.root();
        if (outputRoot != commitment.outputRoot) revert OutputRootMismatch(outputRoot, commitment.outputRoot);

        bytes32 leaf = message.leaf();
        _checkRoot(OutboxTree.rootOf(leaf, message.index, proof), output.outboxRoot);
        // Whether the message was executed is for a claim to ask: a proof more does no harm, and a read less is cheaper.
        mapping(bytes32 => bool) storage proven = _proven[leaf];
        if (proven[commitmentId]) revert MessageAlreadyProven(leaf, commitmentId);
        proven[commitmentId] = true;
        emit MessageProven(message.index, leaf, commitmentId);
    }

    /// @inheritdoc IOutboxVerifier
    function finalizeMessage(Message memory message, bytes32 commitment) external {
        bytes32 leaf = message.leaf();
        if (!_proven[leaf][commitment]) revert MessageNotProven(leaf, commitment);
        _requireFinal(commitment);
        _execute(message, leaf);
    }

    /// @inheritdoc IOutboxVerifier
    function executeMessage(Message memory message, bytes32 commitment, bytes32[] calldata proof) external {
        bytes32 leaf = message.leaf();
        _checkRoot(OutboxTree.rootOf(leaf, message.index, proof), _requireFinal(commitment));
        _execute(message, leaf);
    }

    /// @inheritdoc IOutboxVerifier
    function executeMessages(Message[] memory messages, bytes32 commitment, uint256 depth, bytes32[] calldata proof)
        external
        returns (bool[] memory executed)
    {
        bytes32[] memory leaves = _checkMessages(messages, _requireFinal(commitment), depth, proof);
        executed = new bool[](messages.length);
        for (uint256 i; i < messages.length; ++i) {
            Message memory message = messages[i];
            // Also if it was executed by the call of a message before it.
            if (_finalized.get(message.index)) continue;
            bytes memory reason;
            if (_isForbidden(message.target)) {
                // Anyone can send such a message on L2: it must not spoil the batch.
                reason = abi.encodeWithSelector(ForbiddenTarget.selector, message.target);
            } else {
                // No more than was promised, so that no message can use up the gas of those after it.
                (executed[i], reason) = _call(message, leaves[i], message.gasLimit);
            }
            if (!executed[i]) emit MessageFailed(message.index, leaves[i], reason);
        }
    }

    /// @inheritdoc IOutboxVerifier
    function recordFinalRoot(bytes32 commitment, bytes32 outboxRoot) external {
        if (msg.sender != address(STATE_COMMITMENT_CHAIN)) {
            revert NotStateCommitmentChain(msg.sender, address(STATE_COMMITMENT_CHAIN));
        }
        _finalRoots[commitment] = outboxRoot;
        emit FinalRootRecorded(commitment, outboxRoot);
    }

    /// @inheritdoc IOutboxVerifier
    function l2Sender() external view returns (address sender) {
        sender = _l2Sender;
        if (sender == address(0)) revert NoMessageInExecution();
    }

    /// @inheritdoc IOutboxVerifier
    function messageStatus(Message memory message, bytes32 commitment)
        external
        view
        returns (MessageStatus status, uint64 readyTime, uint64 readyBlock)
    {
        CommitmentStatus commitmentStatus = STATE_COMMITMENT_CHAIN.commitmentStatus(commitment);
        bool standing = _isStanding(commitmentStatus);
        if (standing) (readyTime, readyBlock) = STATE_COMMITMENT_CHAIN.finalizableAt(commitment);

        if (_finalized.get(message.index)) {
            status = MessageStatus.Finalized;
        } else if (!standing) {
            status = MessageStatus.WaitingToProve;
        } else if (!_proven[message.leaf()][commitment]) {
            status = MessageStatus.ReadyToProve;
        } else if (commitmentStatus == CommitmentStatus.Proposed) {
            status = MessageStatus.WaitingToFinalize;
        } else {
            status = MessageStatus.ReadyToFinalize;
        }
    }

    /// @inheritdoc IOutboxVerifier
    function isFinalized(uint64 index) external view returns (bool) {
        return _finalized.get(index);
    }

    /// @inheritdoc IOutboxVerifier
    function isProven(bytes32 leaf, bytes32 commitment) external view returns (bool) {
        return _proven[leaf][commitment];
    }

    /// @inheritdoc IOutboxVerifier
    function finalRoot(bytes32 commitment) external view returns (bytes32) {
        return _finalRoots[commitment];
    }

    /// @dev Executes a message that was shown to be in a final outbox, or reverts.
    function _execute(Message memory message, bytes32 leaf) private {
        if (_finalized.get(message.index)) revert MessageAlreadyFinalized(message.index);
        if (_isForbidden(message.target)) revert ForbiddenTarget(message.target);
        // All gas there is: a message whose promise became too small can still be executed by whoever brings more.
        (bool success, bytes memory reason) = _call(message, leaf, PromisedCall.ALL_GAS);
        if (!success) revert MessageCallFailed(message.index, reason);
    }

    /// @dev Calls the target. If that fails, nothing is left of it but the reason.
    function _call(Message memory message, bytes32 leaf, uint256 gasOffered)
        private
        returns (bool success, bytes memory reason)
    {
        address outerSender = _l2Sender;
        _l2Sender = message.sender;
        _finalized.set(message.index);
        // May call back. What that changed is read anew.
        (success, reason) =
            PromisedCall.tryCall(message.target, message.value, message.gasLimit, gasOffered, message.data);
        _l2Sender = outerSender;
        if (success) emit MessageFinalized(message.index, leaf, message.target);
        else _finalized.unset(message.index);
    }

    /// @dev Shows that all messages are in the outbox with this root.
    function _checkMessages(Message[] memory messages, bytes32 outboxRoot, uint256 depth, bytes32[] calldata proof)
        private
        pure
        returns (bytes32[] memory leaves)
    {
        if (messages.length == 0) revert NoMessages();
        leaves = new bytes32[](messages.length);
        uint256[] memory indices = new uint256[](messages.length);
        for (uint256 i; i < messages.length; ++i) {
            Message memory message = messages[i];
            if (i != 0 && message.index <= indices[i - 1]) {
                // forge-lint: disable-next-line(unsafe-typecast) the index of a message, of 64 bits
                revert MessagesNotSorted(uint64(indices[i - 1]), message.index);
            }
            indices[i] = message.index;
            leaves[i] = message.leaf();
        }
        // The walk uses up its copy.
        _checkRoot(OutboxTree.rootOfMany(Arrays.slice(leaves, 0), indices, depth, proof), outboxRoot);
    }

    function _checkRoot(bytes32 received, bytes32 expected) private pure {
        if (received != expected) revert OutboxRootMismatch(received, expected);
    }

    /// @dev The root of a final commitment. An empty outbox has the root zero, in which nothing can be shown to be.
    function _requireFinal(bytes32 commitment) private view returns (bytes32 outboxRoot) {
        outboxRoot = _finalRoots[commitment];
        if (outboxRoot == 0) revert CommitmentNotFinal(commitment);
    }

    function _isForbidden(address target) private view returns (bool) {
        return
            target == address(this) || target == CANONICAL_TRANSACTION_CHAIN
                || target == address(STATE_COMMITMENT_CHAIN);
    }

    function _isStanding(CommitmentStatus status) private pure returns (bool) {
        return status == CommitmentStatus.Proposed || status == CommitmentStatus.Final;
    }
}
